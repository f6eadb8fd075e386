"""Whether a resend we asked for is coming. One that is refused or does not come twice will not come: its range is lost.

A venue that never answers a ResendRequest(2) would otherwise keep its session in settling for ever: everything it sends
waits behind the gap. So the request is repeated once, on a new connection, and then the venue's number is taken and
reconciliation finds out what the lost messages said.
"""

from __future__ import annotations

from enum import Enum

ATTEMPTS = 2


class Verdict(Enum):
    WAIT = "messages are coming, or there is time left"
    AGAIN = "connect anew and ask again"
    GIVE_UP = "take the number the venue has at the next logon"


class ResendWatch:
    """Follows one gap. Time is handed in; `deadline_ns` is when somebody should look, None while nothing is missing."""

    def __init__(self, timeout_ns: int) -> None:
        self.deadline_ns: int | None = None
        self._timeout_ns = timeout_ns
        self._begin: int | None = None
        self._failures = 0

    def asked(self, begin: int, now_ns: int) -> None:
        """A ResendRequest(2) from BeginSeqNo(7)=`begin` leaves. Only the same gap again keeps its count of failures."""
        if begin != self._begin:
            self._begin, self._failures = begin, 0
        self.deadline_ns = now_ns + self._timeout_ns

    def overdue(self, next_target: int, now_ns: int) -> Verdict:
        """Time is up: `next_target`, the number the engine waits for now, tells whether anything has come."""
        if self._begin is None or next_target > self._begin:
            self._begin, self._failures = next_target, 0
            self.deadline_ns = now_ns + self._timeout_ns
            return Verdict.WAIT
        return self.failed()

    def failed(self) -> Verdict:
        """The request was refused, or nothing came."""
        self.deadline_ns = None
        self._failures += 1
        return Verdict.AGAIN if self._failures < ATTEMPTS else Verdict.GIVE_UP

    def disconnected(self) -> None:
        """The engine asks again after the next logon: until then nothing is due."""
        self.deadline_ns = None

    def closed(self) -> None:
        """Nothing is missing any more."""
        self.deadline_ns, self._begin, self._failures = None, None, 0
