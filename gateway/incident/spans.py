"""How long each step of a request took, from the times the journal holds.

received -> decided   the event that caused it was read from the socket; its step was made
queued -> dispatched  what execution control held back
decided -> sent       commit, and handing it to the socket
sent -> answered      the first answer of the venue that names the request
"""

from __future__ import annotations

from gateway.core import events as ev
from gateway.incident.model import Span

_NOT_ANSWERS = (ev.PendingNew, ev.PendingCancel, ev.PendingReplace)


class Spans:
    """Fed with every event of the review in order."""

    def __init__(self) -> None:
        self.found: list[Span] = []
        self._received: tuple[int, int] | None = None
        """Position and receipt of the input event under way."""
        self._queued: dict[str, int] = {}
        self._decided: dict[str, tuple[str, int]] = {}
        self._sent: dict[str, tuple[str, int]] = {}

    def take(self, recorded: ev.Recorded) -> None:
        event = recorded.event
        received = getattr(event, "received_ns", None)
        if received is not None:
            self._received = (recorded.seq, received)
        if isinstance(event, ev.Queued):
            self._queued[event.command.cl_ord_id] = recorded.at_ns
        elif isinstance(event, ev.Dispatched):
            self._dispatched(recorded, event)
        elif isinstance(event, ev.Transmitted) and event.sent_ns is not None:
            decided = self._decided.pop(event.cl_ord_id, None)
            if decided is not None:
                self._add(event.order_id, event.cl_ord_id, "decided -> sent", event.sent_ns - decided[1])
            self._sent[event.cl_ord_id] = (event.order_id, event.sent_ns)
        elif isinstance(event, ev.ExecutionEvent) and event.cl_ord_id is not None and not isinstance(event, _NOT_ANSWERS):
            sent = self._sent.pop(event.cl_ord_id, None)
            if sent is not None and event.received_ns is not None:
                self._add(sent[0], event.cl_ord_id, "sent -> answered", event.received_ns - sent[1])

    def _dispatched(self, recorded: ev.Recorded, event: ev.Dispatched) -> None:
        command = event.command
        queued = self._queued.pop(command.cl_ord_id, None)
        if queued is not None:
            self._add(command.order_id, command.cl_ord_id, "queued -> dispatched", recorded.at_ns - queued)
        elif self._received is not None and self._received[0] == recorded.cause:
            self._add(command.order_id, command.cl_ord_id, "received -> decided", recorded.at_ns - self._received[1])
        self._decided[command.cl_ord_id] = (command.order_id, recorded.at_ns)

    def _add(self, order_id: str, cl_ord_id: str, step: str, nanoseconds: int) -> None:
        """Two clocks may meet here, stream time and the wall's: what they disagree by is no negative duration."""
        self.found.append(Span(order_id=order_id, cl_ord_id=cl_ord_id, step=step, nanoseconds=max(nanoseconds, 0)))
