"""Every query of docs/cookbook.md, on both databases, against the records of a day that a whole gateway traded by script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gateway_process import wait_for
from postgresql_gateway import make_gateway
from sqlalchemy import text

from gateway.journal.sqlite import SqliteReader
from gateway.records.rebuild import rebuild
from gateway.records.store import RecordStore
from gateway.sim.process import VenueProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
COOKBOOK = Path(__file__).parents[3] / "docs" / "cookbook.md"
QUERIES = dict(re.findall(r"^## \d+\. (.+?)\n.*?```sql\n(.+?)```", COOKBOOK.read_text(), re.MULTILINE | re.DOTALL))
MAKER = """
[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]
params = { quantity = "5000", requote_ticks = 100000 }
"""
Row = dict[str, Any]
Day = dict[str, Any]


class Script:
    """The day, step by step; every step waits until it is in the records. `ids` names the orders."""

    def __init__(self, gateway: Any, venue: VenueProcess) -> None:
        self.gateway = gateway
        self.venue = venue
        self.ids: dict[str, str] = {}

    def run(self) -> None:
        self.gateway.cli("db", "upgrade")
        self.gateway.start().ready()
        self.maker_quotes()
        self.trades()
        moment = self.gateway.rows("SELECT MAX(recorded_ns) AS ns FROM v_position_events")[0]["ns"]
        self.ids["moment"] = str(moment)
        self.is_refused()
        self.is_too_late()
        self.is_amended()
        self.is_in_doubt()
        self.is_killed()
        self.gateway.caught_up()
        assert self.gateway.terminate() == 0

    def order(self, name: str, side: str, quantity: str, price: str | None, state: str = "Accepted", **more: Any) -> str:
        order_id: str = self.gateway.order(side, quantity, price, reason=name, **more)["order_id"]
        self.ids[name] = order_id
        if state:
            self.gateway.wait_state(order_id, state)
        return order_id

    def house_sells(self, quantity: int, price: str = "110") -> None:
        self.venue.command(f"house sell USD/JPY {quantity} {price}")

    def cancelled(self, order_id: str) -> None:
        self.gateway.cancel(order_id, reason="script")
        self.gateway.wait_state(order_id, "Cancelled")

    def maker_quotes(self) -> None:
        self.gateway.wait_rows("SELECT 1 FROM v_orders WHERE strategy = 'maker' AND state = 'Accepted' OFFSET 1")

    def trades(self) -> None:
        partly = self.order("partly", "buy", "1000", "110")
        self.house_sells(400)
        self.gateway.wait_state(partly, "PartiallyFilled")
        self.cancelled(partly)
        full = self.order("full", "buy", "1000", "110")
        self.house_sells(600)
        self.house_sells(400)
        self.gateway.wait_state(full, "Filled")
        self.order("through zero", "sell", "3000", None, "Filled", order_type="market")

    def is_refused(self) -> None:
        self.venue.command("reject-next 1")
        self.order("rejected", "buy", "100", "110", "Rejected")
        self.order("too large", "buy", "2000000", "110", "")
        self.order("too dear", "buy", "100", "150", "")

    def is_too_late(self) -> None:
        late = self.order("too late", "buy", "500", "110")
        self.venue.command("fault delay 1 600")
        self.house_sells(500)
        self.gateway.cancel(late, reason="script")
        self.gateway.wait_state(late, "Filled")
        self.venue.command("fault clear")  # the report that was held back goes out now
        self.gateway.wait_rows("SELECT 1 FROM v_fills WHERE order_id = ? AND status = 'new'", late)

    def is_amended(self) -> None:
        for name in ("corrected", "busted"):
            order_id = self.order(name, "buy", "300", "110")
            self.house_sells(300)
            self.gateway.wait_state(order_id, "Filled")
            [fill] = self.gateway.rows("SELECT exec_id FROM v_fills WHERE order_id = ?", order_id)
            command = f"correct {fill['exec_id']} 300 109.999" if name == "corrected" else f"bust {fill['exec_id']}"
            self.venue.command(command)
            self.gateway.wait_rows("SELECT 1 FROM v_fills WHERE order_id = ? AND status = ?", order_id, name)
        counting = "SELECT COUNT(*) AS fills FROM v_fills WHERE status NOT IN ('busted', 'replaced')"
        wait_for(lambda: self.gateway.status()["fills"] == self.gateway.rows(counting)[0]["fills"], "fills that count")

    def is_in_doubt(self) -> None:
        self.venue.command("fault drop 1")
        self.order("doubtful", "buy", "200", "109.9")
        self.gateway.wait_rows("SELECT 1 FROM v_order_events WHERE event = 'in_doubt'")
        self.venue.command("disconnect DESK")
        self.gateway.wait_rows("SELECT 1 FROM v_session_events WHERE event = 'logon' OFFSET 1")
        self.gateway.wait_open()

    def is_killed(self) -> None:
        self.gateway.post("/trading", scope="strategy:desk", state="disabled", reason="lunch")
        self.order("at lunch", "buy", "100", "110", "")
        self.gateway.post("/trading", scope="strategy:desk", state="enabled", reason="back")
        self.gateway.post("/kill", scope="all", reason="that was not me")
        self.order("killed", "buy", "100", "110", "")
        wait_for(lambda: self.gateway.status()["orders"]["open"] == 0, "everything cancelled")
        self.gateway.post("/kill/release", scope="all", reason="it was")
        self.venue.command("tick")
        self.maker_quotes()


@pytest.fixture(scope="module")
def day(server: Any, home: Path, venue: VenueProcess) -> Iterator[Day]:
    """Query -> rows, on each database, and what the script's orders are called."""
    gateway = make_gateway(server, home / "g", venue.port, MAKER, market_data=("USD/JPY",), ack_timeout=3)
    try:
        script = Script(gateway, venue)
        script.run()
    finally:
        gateway.close()
    lite = RecordStore(f"sqlite:///{home}/lite.db")
    with closing(SqliteReader(gateway.state / "journal.db")) as journal:
        assert rebuild(lite, journal).differences == 0
    full = RecordStore(server.get_uri("g", driver="psycopg"))
    yield {"ids": script.ids, "sqlite": lite, "postgresql": full}
    for store in (lite, full):
        store.close()
    server.psql("DROP DATABASE g WITH (FORCE);")


def asked(day: Day, database: str, title: str) -> list[Row]:
    """The query's rows, with the script's order, day and moment in the places of the examples."""
    with day[database].reading() as connection:
        today = connection.exec_driver_sql("SELECT MIN(created_ns) / 86400000000000 FROM v_orders").scalar_one()
        query = QUERIES[title].replace("'1-1'", f"'{day['ids']['partly']}'")
        query = query.replace("1763701200000000000", day["ids"]["moment"]).replace("20413", str(today))
        found = connection.execute(text(query.replace(":", "\\:"))).mappings()
        return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def by(rows: list[Row], *names: str) -> dict[Any, Row]:
    """Rows by the value of one column, or of several."""
    return {row[names[0]] if len(names) == 1 else tuple(row[name] for name in names): row for row in rows}


Expectation = Callable[[list[Row], dict[str, str]], object]
EXPECTED: dict[str, Expectation] = {
    "What is open, and what is in doubt": lambda rows, ids: {row["strategy"] for row in rows} == {"maker"},
    "Fill ratio by strategy": lambda rows, ids: (
        by(rows, "strategy")["desk"]["filled"] == 400 + 1000 + 3000 + 500 + 300
        and by(rows, "strategy")["desk"]["fill_ratio"] == round(5200 / 6400, 4)
        and by(rows, "strategy")["maker"]["fill_ratio"] == 0
    ),
    "Why venues rejected orders": lambda rows, ids: [(r["orders"], r["example"]) for r in rows] == [(1, ids["rejected"])],
    "Why risk denied orders, with the numbers": lambda rows, ids: (
        "2000000 above max_order_quantity 1000000" in by(rows, "code")["max_order_quantity"]["example"]
        and {"price_collar", "trading_disabled", "kill_engaged"} < set(by(rows, "code"))
    ),
    "From the wire to the first acknowledgement, in microseconds": lambda rows, ids: (
        rows[0]["venue"] == "SIM" and 0 < rows[0]["fastest_us"] < rows[0]["average_us"] < rows[0]["slowest_us"]
    ),
    "From submission to the first fill and to the last, in milliseconds": lambda rows, ids: (
        by(rows, "order_id")[ids["full"]]["fills"] == 2
        and by(rows, "order_id")[ids["full"]]["first_ms"] <= by(rows, "order_id")[ids["full"]]["last_ms"]
        and by(rows, "order_id")[ids["too late"]]["fills"] == 1
    ),
    "From decision to wire: median and 99th percentile, in microseconds": lambda rows, ids: (
        0 < rows[0]["median_us"] <= rows[0]["p99_us"]
    ),
    "Orders that were in doubt, why, for how long, and how it ended": lambda rows, ids: (
        by(rows, "order_id")[ids["doubtful"]]["why"] == "ack_timeout"
        and by(rows, "order_id")[ids["doubtful"]]["to_state"] == "Accepted"
    ),
    "Cancels that came too late": lambda rows, ids: (
        [(row["order_id"], row["state"], row["cum_qty"]) for row in rows] == [(ids["too late"], "Filled", 500)]
    ),
    "Positions as of a moment": lambda rows, ids: (
        [(row["strategy"], row["net_qty"]) for row in rows] == [("desk", -1600)]
        and rows[0]["avg_px"] == 109.997
        and rows[0]["realized_pnl"] == pytest.approx(-0.003 * 1400)
    ),
    "How a position came about": lambda rows, ids: (
        [row["cause"] for row in rows]
        == ["fill", "fill", "fill", "fill", "inferred", "replaced", "fill", "correction", "fill", "bust"]
        and rows[-1]["net_qty"] == -1600 + 500 + 300
    ),
    "Slippage: fills against the price that was decided": lambda rows, ids: (
        [(row["strategy"], row["side"], row["filled"]) for row in rows] == [("desk", "buy", 2200)]
        and rows[0]["cost"] == pytest.approx(-0.3)
    ),
    "When a session was away, and for how long": lambda rows, ids: (
        [row["ended_by"] for row in rows] == ["disconnect"] and rows[0]["away_ms"] > 0
    ),
    "What operators did, and what followed from it": lambda rows, ids: (
        by(rows, "action")["kill_engaged"]["cancels"] == 4
        and by(rows, "action")["kill_released"]["before"] == "engaged"
        and by(rows, "reason")["partly"]["decisions"] == 1
    ),
    "What a kill stopped: orders it cancelled, and orders it denied until it was released": lambda rows, ids: (
        {ids["busted"], ids["doubtful"]} < {row["order_id"] for row in rows if row["effect"] == "cancelled"}
        and ids["killed"] in {row["order_id"] for row in rows if row["effect"] == "denied"}
        and {row["state"] for row in rows} == {"Cancelled", None}
    ),
    "Orders of a day with every ClOrdID they had": lambda rows, ids: (
        [row["intent"] for row in rows if row["order_id"] == ids["partly"]] == ["NEW", "CANCEL"]
        and len({row["cl_ord_id"] for row in rows}) == len(rows)
    ),
    "Anomalies by kind": lambda rows, ids: {"fill_inferred", "reopened"} <= set(by(rows, "kind")),
    "Executions that were not what they seemed": lambda rows, ids: (
        {(row["order_id"], row["status"]) for row in rows}
        == {(ids["too late"], "replaced"), (ids["corrected"], "corrected"), (ids["busted"], "busted")}
    ),
    "The life of one order, message by message": lambda rows, ids: (
        [row["event"] for row in rows]
        == ["dispatched", "transmitted", "accepted", "filled", "dispatched", "transmitted", "cancelled"]
    ),
    "Turnover and average price by day, account and side": lambda rows, ids: (
        (by(rows, "side")["buy"]["quantity"], by(rows, "side")["buy"]["average_px"]) == (2200, round(110 - 0.3 / 2200, 5))
        and by(rows, "side")["sell"]["turnover"] == 329991
    ),
    "Which configuration and which build decided an order": lambda rows, ids: (
        len(rows) == 1 and "max_order_quantity" in rows[0]["toml"] and rows[0]["first_used_ns"] == rows[0]["started_ns"]
    ),
    "Runs, how they ended, and what was left open": lambda rows, ids: (
        [(row["run_id"], bool(row["clean_stop"])) for row in rows] == [(1, True)]
        and rows[0]["orders"] >= 12
        and rows[0]["still_open"] == 2
    ),
    "Do positions equal the executions they came from": lambda rows, ids: (
        [(row["strategy"], row["net_qty"], row["difference"]) for row in rows] == [("desk", -800, 0)]
    ),
}


def test_the_cookbook_has_its_queries_and_no_others() -> None:
    assert list(QUERIES) == list(EXPECTED)
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("title", QUERIES)
def test_query(day: Day, title: str, database: str) -> None:
    rows = asked(day, database, title)
    assert rows, "an empty answer shows nothing"
    assert EXPECTED[title](rows, day["ids"]), "\n".join(map(str, rows))


@pytest.mark.parametrize("title", QUERIES)
def test_both_databases_answer_alike(day: Day, title: str) -> None:
    lite, full = (asked(day, database, title) for database in ("sqlite", "postgresql"))
    assert [list(row) for row in lite] == [list(row) for row in full]
    assert [list(row.values()) for row in lite] == [
        [pytest.approx(value) if isinstance(value, float) else value for value in row.values()] for row in full
    ]
