"""Where a projection that begins with a snapshot goes on: what it would remember of the rows before, from the records.

The records must reach at least as far as the state. They may be further: what happened to a row since is written to it again
by the events after the state, so that in the end it is the same row.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from gateway.core.state import State
from gateway.records.context import Context, Row
from gateway.records.tables import PROJECTED

_IDS_A_QUERY = 500


def context_at(connection: Connection, state: State) -> Context:
    """The projection's memory after event `state.seq`."""
    runs, configurations = PROJECTED["runs"], PROJECTED["configurations"]
    run = connection.execute(select(runs).where(runs.c.run_id == state.control.run_id)).mappings().one_or_none()
    seen = connection.execute(select(configurations.c.config_sha256).where(configurations.c.event_seq <= state.seq))
    return Context(
        decisions=_decisions(connection, state),
        run=None if run is None else dict(run),
        configurations_seen=set(seen.scalars()),
    )


def _decisions(connection: Connection, state: State) -> dict[str, Row]:
    """Decisions that wait, or were dispatched and are not known to be on the wire."""
    execution = state.execution
    wanted = [pending.command.cl_ord_id for pending in execution.pending.values()]
    wanted += [cl_ord_id for cl_ord_id, awaiting in execution.awaiting.items() if awaiting.msg_seq_num is None]
    table = PROJECTED["decisions"]
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), _IDS_A_QUERY):
        some = select(table).where(table.c.cl_ord_id.in_(wanted[start : start + _IDS_A_QUERY])).order_by(table.c.event_seq)
        found |= {row["cl_ord_id"]: dict(row) for row in connection.execute(some).mappings() if row["event_seq"] <= state.seq}
    return found
