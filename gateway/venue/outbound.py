"""Committed requests on their way to the wire, and what became of them. Decides nothing: the last moment's guard only refuses.

The guard runs inside the engine's send, under the number the message is about to get: the kill gate, the settled connection,
and the line in the send log, in this order; then the first two once more. A line of what did not leave only makes us ask.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from gateway.clock import wall_ns
from gateway.core.contents import Awaiting
from gateway.core.events import (
    Dispatched,
    Event,
    PositionsRequested,
    StatusReported,
    StatusRequested,
    SubmissionFailed,
    Transmitted,
)
from gateway.core.orders import Command
from gateway.core.values import CommandKind
from gateway.errors import Denied
from gateway.fix.encoder import Encoder
from gateway.venue.emergency import Emergency
from gateway.venue.gate import KillGate
from gateway.venue.link import Connection, NotSent
from gateway.venue.positions import PositionReports
from gateway.venue.send_log import SendLog

_log = logging.getLogger(__name__)


class Outbound:
    """The sending half of a venue adapter; every method runs on the runtime thread."""

    def __init__(
        self,
        here: Connection,
        encoder: Encoder,
        send_log: SendLog,
        gate: KillGate,
        emergency: Emergency,
        positions: PositionReports,
        count: Callable[[str, str, str], None],
    ) -> None:
        self._here = here
        self._encoder = encoder
        self._send_log = send_log
        self._gate = gate
        self._emergency = emergency
        self._positions = positions
        self._count = count
        self.trouble = ""
        """Why the last request could not leave, where it is this machine's doing and not the request's."""
        self._sent: dict[tuple[int, int], tuple[str, str]] = {}
        """(epoch, MsgSeqNum) -> (MsgType, ClOrdID) of what this process sent: what a reject refers to."""

    @property
    def last_number(self) -> int:
        """Highest number a request was given in this epoch, as the send log knows it."""
        return self._send_log.last_number(self._here.epoch)

    def sent_as(self, msg_seq_num: int) -> tuple[str, str]:
        """(MsgType, ClOrdID) of what was sent under a number in this epoch; empty where it is not known."""
        kind, cl_ord_id = self._sent.get((self._here.epoch, msg_seq_num), ("", ""))
        return kind, cl_ord_id or self._send_log.cl_ord_id(self._here.epoch, msg_seq_num) or ""

    def recover(self, awaiting: Iterable[tuple[str, Awaiting]], id_prefix: str) -> list[Event]:
        """What the send log knows of requests that were committed and never journalled as transmitted.

        Of requests whose ClOrdID has another prefix than this state directory's it knows nothing, whatever their run's number.
        """
        ours = f"{id_prefix}-"
        events: list[Event] = []
        for cl_ord_id, request in awaiting:
            sent = self._send_log.find(cl_ord_id)
            if sent is not None:
                events.append(self._transmitted(request.order_id, cl_ord_id, sent.msg_seq_num, sent.epoch, recovered=True))
            elif cl_ord_id.startswith(ours) and self._send_log.complete(request.run_id):
                reason = "the send log has no line for it"
                events.append(SubmissionFailed(order_id=request.order_id, cl_ord_id=cl_ord_id, reason=reason))
        return events

    def lost(self, run_id: int, id_prefix: str, known: Callable[[str], bool]) -> str | None:
        """What the journal lost, as the send log tells; None when nothing. `run_id`: the last run in the journal.

        Cancels in an emergency leave before the journal hears of them, and have names of their own.
        """
        ours = f"{id_prefix}-"
        sent = [
            one
            for one in self._send_log.beyond(run_id, known)
            if one.cl_ord_id.startswith(ours) and not one.cl_ord_id.rpartition("-")[2].startswith("E")
        ]
        if not sent:
            return None
        more = f" and {len(sent) - 1} more" if len(sent) > 1 else ""
        return (
            f"the journal has lost what was sent: the send log has {sent[0].cl_ord_id} as MsgSeqNum(34)={sent[0].msg_seq_num}"
            f"{more}, no event tells of it; see docs/recovery.md, then `gateway venue open {self._here.venue}`"
        )

    def send(self, event: Dispatched | StatusRequested | PositionsRequested) -> Event | None:
        """Put a committed request on the wire; what became of it is an event (None for a status request that went)."""
        if isinstance(event, PositionsRequested):
            return self._positions.ask(event)
        if isinstance(event, StatusRequested):
            return self._send_status_request(event)
        command = event.command
        try:
            number = self._send_command(command)
        except (NotSent, Denied) as error:
            return SubmissionFailed(order_id=command.order_id, cl_ord_id=command.cl_ord_id, reason=str(error))
        return self._transmitted(command.order_id, command.cl_ord_id, number, self._here.epoch, recovered=False)

    def _send_command(self, command: Command) -> int:
        sent_ns = wall_ns()
        match command.kind:
            case CommandKind.NEW:
                outgoing = self._encoder.new_order(command, sent_ns)
            case CommandKind.CANCEL:
                outgoing = self._encoder.cancel(command, sent_ns)
            case CommandKind.REPLACE:
                outgoing = self._encoder.replace(command, sent_ns)

        here = self._here

        def guard(msg_seq_num: int) -> str | None:
            refusal = self._gate.refusal(command) or here.unsettled()
            if refusal is None and self._emergency.untold and self._emergency.covers(command.order_id):
                refusal = "an emergency cancel of this order went before it"
            if refusal is None:
                refusal = self._enter(msg_seq_num, command.cl_ord_id)
            if refusal is None:
                refusal = self._gate.refusal(command) or here.unsettled()  # again: the disk may have taken its time
            return refusal

        number = self._here.link.send(outgoing, guard)
        self._remember(number, outgoing.msg_type, command.cl_ord_id)
        return number

    def _enter(self, msg_seq_num: int, cl_ord_id: str) -> str | None:
        """A line in the send log; why there is none, and the request must not leave."""
        before = self.trouble
        try:
            self._send_log.append(self._here.epoch, msg_seq_num, cl_ord_id)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"nothing can be sent, {error}"
        if self.trouble and not before:
            _log.critical("venue %s: %s", self._here.venue, self.trouble)
        elif before and not self.trouble:
            _log.info("venue %s: the send log can be written again", self._here.venue)
        return self.trouble or None

    def _send_status_request(self, event: StatusRequested) -> Event | None:
        try:
            outgoing = self._encoder.status_request(event)
            number = self._here.link.send(outgoing, lambda _number: self._here.fenced())
        except Denied as error:  # a venue without status requests, or an id of its own that cannot be repeated on the wire
            _log.warning("%s: order %s cannot be asked about: %s", self._here.session, event.order_id, error)
            return StatusReported(
                venue=self._here.venue,
                session=self._here.session,
                cl_ord_id=event.cl_ord_id,
                venue_order_id=event.venue_order_id,
            )
        except NotSent as error:
            _log.warning("%s: status request for %s not sent: %s", self._here.session, event.order_id, error)
            return None  # its deadline will tell the core
        self._remember(number, outgoing.msg_type, event.cl_ord_id)
        return None

    def _remember(self, number: int, msg_type: str, cl_ord_id: str) -> None:
        self._count(self._here.venue, "out", msg_type)
        self._sent[self._here.epoch, number] = (msg_type, cl_ord_id)
        if len(self._sent) > 20_000:
            for key in list(self._sent)[:10_000]:
                del self._sent[key]

    def _transmitted(self, order_id: str, cl_ord_id: str, number: int, epoch: int, *, recovered: bool) -> Transmitted:
        return Transmitted(
            venue=self._here.venue,
            session=self._here.session,
            epoch=epoch,
            msg_seq_num=number,
            order_id=order_id,
            cl_ord_id=cl_ord_id,
            sent_ns=None if recovered else wall_ns(),
            recovered=recovered,
        )
