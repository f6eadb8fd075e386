"""Where a session stands: its epoch, and the inbound number up to which everything has reached the journal.

An epoch is one count of MsgSeqNum(34) from its beginning. It ends when the numbers begin anew: in a Logon with
ResetSeqNumFlag(141)=Y, ours or the venue's, or on an operator's word. Every end is an event, which this makes; what else the
events mean is not decided here.
"""

from __future__ import annotations

import msgspec

from gateway.core.events import SessionReset
from gateway.journal.interface import Watermark


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session stood when the journal ended."""

    venue: str
    session: str
    epoch: int
    watermark: int


class Numbering:
    """Of one session, on the runtime thread."""

    def __init__(self, place: Place) -> None:
        self.epoch = place.epoch
        self.watermark = place.watermark
        self._venue = place.venue
        self._session = place.session
        self._asked = False
        """The Logon that is out asked for a reset."""
        self._by_venue = False
        """The venue reset the numbers in this logon; our engine's answer carries the flag, too."""
        self._planned = False
        """An operator's reset: its epoch was begun before the Logon that asks for it."""

    @property
    def mark(self) -> Watermark:
        """Highest inbound number whose effects the next commit holds."""
        return Watermark(self.epoch, self.watermark)

    def advance(self, number: int | None) -> None:
        """Past a message that the engine hands over in sequence only: everything before it is here, too."""
        if number is not None:
            self.watermark = max(self.watermark, number)

    def advance_by_one(self, number: int | None) -> None:
        """Past a message that may have come ahead of a gap: the watermark must not pass what is still to be resent."""
        if number == self.watermark + 1:
            self.watermark = number

    def logon_sent(self, *, flagged: bool) -> list[SessionReset]:
        """Our Logon leaves, with ResetSeqNumFlag(141)=Y or without."""
        self._asked = flagged and not self._by_venue
        if self._asked and self._planned:
            self.watermark = 0  # of a Logon before this one, that was not answered
            return []
        return [self._begin("reset_on_logon")] if self._asked else []

    def reset_in_answer(self) -> list[SessionReset]:
        """The venue's Logon carries the flag: its own reset, unless it was ours."""
        if self._asked:
            return []
        self._by_venue = True
        return [self._begin("the venue reset the sequence numbers at logon")]

    def logged_on(self) -> None:
        """The logon is complete; what was planned for it is done."""
        self._by_venue = self._planned = False

    def begin_as_told(self, next_sender: int, next_target: int, *, ask: bool, reason: str) -> SessionReset:
        """A new epoch on an operator's word; `ask`: the next Logon asks the venue for it."""
        self.plan(ask=ask)
        by = "reset" if ask else "numbers"
        return self._begin(reason, by=by, next_sender=next_sender, next_target=next_target)

    def plan(self, *, ask: bool) -> None:
        """The epoch was begun already, by this run or the last: a Logon that asks for a reset begins no other."""
        self._planned = ask

    def _begin(self, reason: str, *, by: str = "logon", next_sender: int = 1, next_target: int = 1) -> SessionReset:
        self.epoch += 1
        self.watermark = next_target - 1
        return SessionReset(
            venue=self._venue,
            session=self._session,
            epoch=self.epoch,
            reason=reason,
            by=by,
            next_sender=next_sender,
            next_target=next_target,
        )
