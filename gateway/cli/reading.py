"""Reading the records for people: they read their own writes, and are told when the records are behind.

Works when the gateway is down, from SQL alone. When it is up, its position is taken first and the records are given a moment
to reach it. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.errors import GatewayError, NotReachable
from gateway.records.context import Value
from gateway.records.engines import RecordsUnavailable
from gateway.records.queries import came_of, view_rows
from gateway.records.store import RecordStore

_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.02
_ASK_SECONDS = 2.0


@contextmanager
def opened(instance: Instance) -> Iterator[RecordStore]:
    """The instance's records, caught up with the live process as far as they get in time. Raises PreconditionFailed."""
    store = instance.record_store()
    try:
        _catch_up(instance, store)
        yield store
    except RecordsUnavailable:
        store.require_current()  # a missing or old revision explains it better than what the database says
        raise
    finally:
        store.close()


def listing(
    instance: Instance,
    view: str,
    where: Mapping[str, Value | Sequence[Value]],
    *,
    order_by: Sequence[str],
    limit: int,
    from_ns: int | None = None,
    to_ns: int | None = None,
    with_decisions: bool = False,
) -> list[dict[str, Any]]:
    """Rows of a view; says so when there are more than `limit` (0 means all).

    `with_decisions`: each with `outcome`, what was decided because of it, None where nothing was.
    """
    with opened(instance) as store:
        found = view_rows(
            store,
            view,
            where=where,
            from_ns=from_ns,
            to_ns=to_ns,
            order_by=order_by,
            limit=limit + 1 if limit else None,
        )
        if with_decisions:
            outcomes = came_of(store, found)
            found = [row | {"outcome": outcomes.get(row["event_seq"])} for row in found]
    if limit and len(found) > limit:
        output.say(f"only the first {limit}; --limit 0 shows all")
        found = found[:limit]
    return [dict(row) for row in found]


def _catch_up(instance: Instance, store: RecordStore) -> None:
    try:
        position = int(instance.client(_ASK_SECONDS).get("/seq")["seq"])
    except NotReachable:
        return
    except GatewayError as error:
        output.say(f"{error}; showing the records as they are")
        return
    deadline = monotonic() + _PATIENCE_SECONDS
    while (behind := position - store.checkpoint().seq) > 0:
        if monotonic() >= deadline:
            output.say(f"records are {behind} events behind")
            return
        sleep(_POLL_SECONDS)
