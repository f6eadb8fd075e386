"""What happened to a session, as events that say which one and in which epoch. Nothing is found out or decided here."""

from __future__ import annotations

from gateway.core.events import (
    EngineRejected,
    LostRange,
    SessionDown,
    SessionLoggedOn,
    SessionNotice,
    SessionSettled,
    SessionUnsettled,
)
from gateway.fix.message import msg_type_of, readable, without_surrogates
from gateway.venue.link import Inbound
from gateway.venue.numbering import Numbering, Place
from gateway.venue.subscription import MARKET_DATA


class Facts:
    """Of one session, on the runtime thread. `numbers`: MsgSeqNum(34) of what goes out next, and of what is expected."""

    def __init__(self, place: Place, numbering: Numbering) -> None:
        self._venue = place.venue
        self._session = place.session
        self._numbering = numbering

    def logged_on(self, numbers: tuple[int, int]) -> SessionLoggedOn:
        sender, target = numbers
        return SessionLoggedOn(
            venue=self._venue, session=self._session, epoch=self._numbering.epoch, next_sender=sender, next_target=target
        )

    def settled(self, numbers: tuple[int, int]) -> SessionSettled:
        sender, target = numbers
        return SessionSettled(
            venue=self._venue, session=self._session, epoch=self._numbering.epoch, next_sender=sender, next_target=target
        )

    def unsettled(self, reason: str) -> SessionUnsettled:
        return SessionUnsettled(venue=self._venue, session=self._session, epoch=self._numbering.epoch, reason=reason)

    def down(self, reason: str, numbers: tuple[int, int]) -> SessionDown:
        sender, target = numbers
        return SessionDown(
            venue=self._venue,
            session=self._session,
            epoch=self._numbering.epoch,
            reason=reason,
            next_sender=sender,
            next_target=target,
        )

    def lost(self, first: int, last: int, reason: str) -> LostRange:
        """Inbound messages that never come, by their numbers."""
        return LostRange(
            venue=self._venue, session=self._session, epoch=self._numbering.epoch, begin=first, end=last, reason=reason
        )

    def notice(self, event: str, detail: str, msg_seq_num: int | None = None) -> SessionNotice:
        return SessionNotice(
            venue=self._venue,
            session=self._session,
            epoch=self._numbering.epoch,
            event=event,
            detail=detail,
            msg_seq_num=msg_seq_num,
        )

    def engine_rejected(self, inbound: Inbound, number: int | None, detail: str) -> EngineRejected:
        """A message that nothing else could be made of, as it came."""
        return EngineRejected(
            venue=self._venue,
            session=self._session,
            epoch=self._numbering.epoch,
            msg_seq_num=number,
            raw=readable(without_surrogates(inbound.raw)),
            detail=detail,
            market_data=msg_type_of(inbound.raw) in MARKET_DATA,
        )
