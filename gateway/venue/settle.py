"""From logon to agreed sequence numbers: a session's state machine, table first.

Theory of operation
-------------------
After a logon neither side knows that the other agrees on the numbers. If ours look too high, the venue asks for a resend
that also covers orders sent *after* the logon, and gap-filling those loses fresh orders without a word (seen). So nothing
is sent but a *probe*: a TestRequest(1). Its Heartbeat(0) comes in sequence only when the venue has everything of ours and we
everything of the venue's; a ResendRequest(2) in between makes the answer worthless, a gap fill may have swallowed it, and
the probe is repeated.

Source: FIX 4.4 vol. 2, "Message recovery", and trials against the engine.
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Phase(Enum):
    DOWN = "down"
    SETTLING = "settling"
    SETTLED = "settled"


class Input(Enum):
    LOGON = "logon"
    ANSWERED = "our probe came back"
    RESEND_REQUEST = "the venue asks for a resend"
    GAP_FILLED = "the venue gap-fills"
    GAP = "we ask for a resend"
    OVERDUE = "the probe is overdue"
    LOGOUT = "logged out or disconnected"


class Do(Enum):
    """What the adapter does on an edge."""

    ANNOUNCE = "announce the logon"
    PROBE = "send a probe"
    UNSETTLE = "announce that messages are missing"
    OPEN = "announce agreement, subscribe to market data"
    CLOSE = "announce the loss"


class Edge(msgspec.Struct, frozen=True):
    """Where an input leads, and what is done on the way."""

    to: Phase
    do: tuple[Do, ...] = ()


D, S, T = Phase

TABLE: dict[tuple[Phase, Input], Edge] = {
    (D, Input.LOGON): Edge(S, (Do.ANNOUNCE, Do.PROBE)),
    (S, Input.LOGON): Edge(S, (Do.CLOSE, Do.ANNOUNCE, Do.PROBE)),
    (T, Input.LOGON): Edge(S, (Do.CLOSE, Do.ANNOUNCE, Do.PROBE)),
    (S, Input.ANSWERED): Edge(T, (Do.OPEN,)),
    (S, Input.RESEND_REQUEST): Edge(S, (Do.PROBE,)),
    (S, Input.GAP_FILLED): Edge(S, (Do.PROBE,)),
    # What the venue says now may be queued behind the gap for long: nothing new goes until it is closed.
    (T, Input.GAP): Edge(S, (Do.UNSETTLE, Do.PROBE)),
    (S, Input.OVERDUE): Edge(S, (Do.PROBE,)),
    (S, Input.LOGOUT): Edge(D, (Do.CLOSE,)),
    (T, Input.LOGOUT): Edge(D, (Do.CLOSE,)),
    (D, Input.LOGOUT): Edge(D, (Do.CLOSE,)),
}
"""(phase, input) -> edge. What is not here changes nothing: an answer to an old probe, a deadline that came too late."""


class Settling:
    """The phase, the probe that is out, and when it is overdue. Time is handed in."""

    def __init__(self, patience_ns: int) -> None:
        self.phase = Phase.DOWN
        self.probe: str | None = None
        self.deadline_ns: int | None = None
        self.probed_ns = 0
        self._patience_ns = patience_ns
        self._probes = 0

    def step(self, what: Input) -> tuple[Do, ...]:
        """Take the edge; what to do on it."""
        edge = TABLE.get((self.phase, what))
        if edge is None:
            return ()
        self.phase = edge.to
        if edge.to is not Phase.SETTLING:
            self.probe, self.deadline_ns = None, None
        return edge.do

    def next_probe(self, now_ns: int) -> str:
        """TestReqID(112) of a new probe; older answers no longer count."""
        self._probes += 1
        self.probe = f"SETTLE-{now_ns}-{self._probes}"
        self.deadline_ns = now_ns + self._patience_ns
        self.probed_ns = now_ns
        return self.probe
