"""What was said about an order, message by message: requests and reports that one side lacks, or has in other words.

Two logs of one session hold the same messages. One that did not arrive, or not as it was sent, may leave no other trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.core.events import CancelRejected, ExecutionEvent, FillBusted, FillCorrected, Filled, ReplaceRejected

_EXECUTIONS = frozenset({Filled, FillCorrected, FillBusted})
"""Reports that are compared as what they are about."""
_REFUSALS = frozenset({CancelRejected, ReplaceRejected})
_NO_ID = frozenset({"", "0", "NONE", "UNKNOWN", "N/A"})
_TERMS = (("quantity", "quantity"), ("price", "price"), ("price", "stop_price"))
"""The name of a difference, and the field of a request."""


class Request(NamedTuple):
    """A request: what it is, and the terms it states."""

    kind: str
    at_ns: int
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Report(NamedTuple):
    """A report that is no execution: the event it is, and the session it came on."""

    kind: str
    at_ns: int
    session: str


ReportName = tuple[str, str]
"""The field that names a report, ExecID(17) or ClOrdID(11), and what it says."""


class Spoken(NamedTuple):
    """A difference: `kind`, `what` and `field` as in `compare.Difference`."""

    kind: str
    what: str
    field: str
    log: object
    other: object
    detail: str = ""


def name_of(event: ExecutionEvent) -> ReportName | None:
    """What makes a report one of its kind on both sides; None for an execution."""
    if type(event) in _EXECUTIONS:
        return None
    if type(event) not in _REFUSALS and event.exec_id not in _NO_ID and event.exec_id is not None:
        return "exec_id", event.exec_id
    return "cl_ord_id", f"{event.kind()} {event.cl_ord_id}"


def requests(
    ours: Mapping[str, Request], theirs: Mapping[str, Request], told: Callable[[Request, bool], bool]
) -> Iterator[Spoken]:
    """By ClOrdID(11). `told`: whether both sides must have a request, given whose it is: True for the other side's."""
    for name, they in theirs.items():
        we = ours.get(name)
        if we is not None:
            for kind, field in _TERMS:
                mine, their = getattr(we, field), getattr(they, field)
                if mine != their:
                    yield Spoken(kind, "request", field, mine, their, f"of {we.kind.lower()} {name}")
        elif told(they, True):
            yield Spoken("missing", "request", "cl_ord_id", None, f"{they.kind.lower()} {name}")
    for name, we in ours.items():
        if name not in theirs and told(we, False):
            yield Spoken("extra", "request", "cl_ord_id", f"{we.kind.lower()} {name}", None)


def reports(
    ours: Mapping[ReportName, Report], theirs: Mapping[ReportName, Report], told: Callable[[Report, bool], bool]
) -> Iterator[Spoken]:
    """By what names them. `told`: as of `requests`."""
    for name, they in theirs.items():
        we = ours.get(name)
        if we is None:
            if told(they, True):
                yield Spoken("missing", "report", name[0], None, _words(name, they))
        elif we.kind != they.kind:
            yield Spoken("state", "report", name[0], _words(name, we), _words(name, they))
    for name, we in ours.items():
        if name not in theirs and told(we, False):
            yield Spoken("extra", "report", name[0], _words(name, we), None)


def _words(name: ReportName, report: Report) -> str:
    """`accepted E1`, `cancel_rejected A-2`."""
    return f"{report.kind} {name[1]}" if name[0] == "exec_id" else name[1]
