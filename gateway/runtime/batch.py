"""What one turn of the runtime collects before its commit, and what it owes afterwards."""

from __future__ import annotations

from collections import Counter

from gateway.core.events import (
    CancelRejected,
    ClosedUnsent,
    Dispatched,
    Event,
    PositionsRequested,
    Recorded,
    Rejected,
    ReplaceRejected,
    SessionScheduled,
    StatusRequested,
    SubmissionFailed,
)
from gateway.core.turn import Step
from gateway.runtime.guards import GUARDED
from gateway.runtime.intake import Submit
from gateway.venue.adapter import VenueAdapter

ToSend = Dispatched | StatusRequested | PositionsRequested


def venue_of(dispatch: ToSend) -> str:
    """Where it is to go."""
    return dispatch.command.venue if isinstance(dispatch, Dispatched) else dispatch.venue


_REFUSALS = frozenset({CancelRejected, ReplaceRejected, Rejected, SubmissionFailed, ClosedUnsent})


def _refusal(event: Event) -> tuple[str, str]:
    """The request, by ClOrdID(11), and whoever refused it in their own words; "" without any."""
    if isinstance(event, ClosedUnsent):
        return event.command.cl_ord_id, event.reason
    if isinstance(event, (CancelRejected, ReplaceRejected)):
        code = f"CxlRejReason(102)={event.cxl_rej_reason}" if event.cxl_rej_reason else ""
        return event.cl_ord_id or "", event.text or code
    assert isinstance(event, (Rejected, SubmissionFailed)), "one of the five"
    return event.cl_ord_id or "", event.reason or ""


class Batch:
    """One commit. `steps` with the seconds each took; `received`: wall clock, ns, of the messages in it."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []
        self.steps: list[tuple[Step, float]] = []
        self.dispatches: list[ToSend] = []
        self.answers: list[tuple[Submit, Step]] = []
        self.scheduled: list[tuple[VenueAdapter, SessionScheduled]] = []
        self.received: list[int] = []
        self.guarded: list[Recorded] = []
        self.refused: list[tuple[str, str]] = []
        """ClOrdID(11) of requests that came to nothing, and why."""
        self.heard = False
        self.rolled = False
        """It began a trading day: the journal may roll behind it."""
        self.digested = False
        """The journal gets the digest of the state after it."""

    def add(self, step: Step, seconds: float) -> None:
        self.steps.append((step, seconds))
        self.records += step.records
        for one in step.records:
            kind = type(one.event)
            if kind is Dispatched or kind is StatusRequested or kind is PositionsRequested:
                self.dispatches.append(one.event)  # type: ignore[arg-type]  # it is one of the three
            elif kind in GUARDED:
                self.guarded.append(one)
            elif kind in _REFUSALS:
                self.refused.append(_refusal(one.event))

    @property
    def urgent(self) -> bool:
        """A venue's message led to something that waits to be sent."""
        return bool(self.dispatches and self.received and not self.answers and not self.rolled)

    def leaving(self) -> Counter[str]:
        """How many messages are about to be sent, by venue."""
        return Counter(venue_of(dispatch) for dispatch in self.dispatches)
