"""The stable SQL surface: which columns each public view shows, and in which order.

Users script against these names on SQLite and PostgreSQL alike; columns may be added at the end, never renamed or moved.
The migrations hold their own frozen text of every view; `gateway db check` compares the two. Nothing here runs SQL.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table

from gateway.records.tables import PROJECTED

_COMMON = ("run_id", "event_seq", "recorded_ns", "config_sha256", "strategy")


@dataclass(frozen=True, slots=True)
class View:
    """A view over one table of the records. `table` is how SQLAlchemy selects from it, with the types of the source."""

    name: str
    source: str
    columns: tuple[str, ...]
    table: Table

    @property
    def ddl(self) -> str:
        """CREATE VIEW, the same text for both databases."""
        return f"CREATE VIEW {self.name} AS SELECT {', '.join(self.columns)} FROM {self.source}"  # noqa: S608 - names from this file


_VIEWS_METADATA = MetaData()


def _view(source: str, contract: str, added: str = "") -> View:
    """The columns of the contract in its order, the common ones where the source has them, then what was added."""
    known = PROJECTED[source].columns
    names = tuple(dict.fromkeys((*contract.split(), *(name for name in _COMMON if name in known), *added.split())))
    name = f"v_{source}"
    return View(name, source, names, Table(name, _VIEWS_METADATA, *(Column(n, known[n].type) for n in names)))


_ALL = (
    _view(
        "orders",
        "order_id strategy account venue symbol side order_type time_in_force quantity price stop_price state in_doubt cum_qty"
        " leaves_qty avg_px cl_ord_id venue_order_id venue_status reason external created_ns updated_ns terminal_ns",
        "in_doubt_reason",
    ),
    _view(
        "order_events",
        "order_id event from_state to_state cl_ord_id orig_cl_ord_id exec_id exec_type ord_status last_qty last_px"
        " cum_qty leaves_qty text session msg_seq_num poss_dup venue_time_ns anomaly",
        "venue quantity price ordinal",
    ),
    _view(
        "fills",
        "order_id exec_id venue account strategy symbol side last_qty last_px status venue_time_ns session msg_seq_num",
        "trade_date",
    ),
    _view("positions", "account strategy venue symbol net_qty avg_px realized_pnl bought_qty sold_qty updated_ns"),
    _view(
        "position_events",
        "account strategy venue symbol cause quantity price order_id exec_id net_qty avg_px realized_pnl bought_qty sold_qty",
        "ordinal",
    ),
    _view(
        "decisions",
        "order_id venue symbol side intent outcome code reason quantity price cl_ord_id session msg_seq_num"
        " trigger_seq decided_ns dispatched_ns sent_ns trading_state",
        "account updated_seq",
    ),
    _view("sessions", "venue session epoch state next_sender next_target logons last_logon_ns last_logout_ns"),
    _view("session_events", "venue session epoch event detail msg_seq_num", "ordinal"),
    _view("anomalies", "kind order_id session msg_seq_num raw detail", "venue ordinal"),
    _view("operator_actions", "actor action scope reason request_id before after result", "ordinal"),
    _view("runs", "run_id runtime experiment_id parameters data_sha256 started_ns stopped_ns clean_stop version"),
    _view("configurations", "config_sha256 toml first_used_ns"),
)

VIEWS = {view.name: view for view in _ALL}
"""Every public view, by name."""
