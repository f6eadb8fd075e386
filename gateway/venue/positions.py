"""Positions as a venue tells them: RequestForPositions(AN) out, PositionReport(AP) and its acknowledgement (AO) in.

An answer may be many reports; they become one event when all have come, or when time is up. It compares nothing: the core does.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from decimal import Decimal

from gateway.clock import wall_ns
from gateway.core.events import Event, PositionsReported, PositionsRequested, ReportedPosition
from gateway.errors import Denied
from gateway.fix import tags
from gateway.fix.encoder import Encoder
from gateway.fix.message import FixMessage, whole_number
from gateway.fix.numbers import parse_decimal
from gateway.venue.link import Connection, NotSent

_log = logging.getLogger(__name__)
_NONE_FOUND = "2"
"""PosReqResult(728): no positions found that match criteria."""


class _Open:
    """A question, and what has come of the answer."""

    def __init__(self, request: PositionsRequested) -> None:
        self.request = request
        self.net: dict[str, Decimal] = defaultdict(Decimal)
        self.came = 0


class PositionReports:
    """Of one session; every method runs on the runtime thread."""

    def __init__(self, here: Connection, encoder: Encoder) -> None:
        self._here = here
        self._encoder = encoder
        self._open: dict[str, _Open] = {}

    @property
    def deadline_ns(self) -> int | None:
        """When a question is overdue, in stream time."""
        return min((one.request.deadline_ns for one in self._open.values()), default=None)

    def ask(self, event: PositionsRequested) -> Event | None:
        """Send the question. What could not be sent is answered at once; a session that is gone asks after the next logon."""
        try:
            outgoing = self._encoder.position_request(event, wall_ns())
            self._here.link.send(outgoing, lambda _number: self._here.fenced())
        except Denied as error:
            return self._told(event, detail=str(error))
        except NotSent as error:
            _log.warning("%s: positions not asked for: %s", self._here.session, error)
            return None
        self._open[event.request_id] = _Open(event)
        return None

    def taken(self, message: FixMessage) -> list[Event]:
        """AO or AP. What answers no question of this connection says nothing."""
        request_id = message.get(tags.POS_REQ_ID) or ""
        one = self._open.get(request_id)
        if one is None:
            return []
        result, total = message.get(tags.POS_REQ_RESULT) or "0", whole_number(message.get(tags.TOTAL_NUM_POS_REPORTS))
        if result not in ("0", _NONE_FOUND):
            del self._open[request_id]
            said = message.get(tags.TEXT) or "no reason given"
            return [self._told(one.request, detail=f"refused, PosReqResult(728)={result}: {said}")]
        if message.msg_type == "AP" and result == "0":
            one.came += 1
            symbol, net = message.get(tags.SYMBOL), _net(message, self._encoder.position_types)
            if symbol is None or net is None:
                del self._open[request_id]
                return [
                    self._told(one.request, detail="a PositionReport(AP) without a symbol, or with no number for a quantity")
                ]
            one.net[symbol] += net
        if result == _NONE_FOUND or (total is not None and one.came >= total):
            del self._open[request_id]
            positions = tuple(ReportedPosition(symbol=symbol, net_qty=net) for symbol, net in sorted(one.net.items()))
            return [self._told(one.request, complete=True, positions=positions)]
        return []

    def on_time(self, now_ns: int) -> list[Event]:
        """Questions that are overdue are not answered any more."""
        overdue = [one for one in self._open.values() if one.request.deadline_ns <= now_ns]
        for one in overdue:
            del self._open[one.request.request_id]
        return [self._told(one.request, detail=f"unanswered, {one.came} reports came") for one in overdue]

    def closed(self) -> None:
        """The session is gone, and with it the questions: the next reconciliation asks again."""
        self._open.clear()

    def _told(
        self,
        request: PositionsRequested,
        *,
        complete: bool = False,
        positions: tuple[ReportedPosition, ...] = (),
        detail: str = "",
    ) -> PositionsReported:
        return PositionsReported(
            venue=self._here.venue,
            session=self._here.session,
            epoch=self._here.epoch,
            request_id=request.request_id,
            account=request.account,
            positions=positions,
            complete=complete,
            detail=detail,
        )


def _net(message: FixMessage, types: frozenset[str]) -> Decimal | None:
    """LongQty(704) less ShortQty(705) over the entries of NoPositions(702) whose PosType(703) counts; None for no number."""
    net, counts = Decimal(0), False
    for tag, value in message.fields:
        if tag == tags.POS_TYPE:
            counts = value in types
        elif counts and tag in (tags.LONG_QTY, tags.SHORT_QTY):
            quantity = parse_decimal(value)
            if quantity is None:
                return None
            net += quantity if tag == tags.LONG_QTY else -quantity
    return net
