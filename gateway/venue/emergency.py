"""Emergency cancels: what the kill switch does about open orders when core or journal is stuck.

Theory of operation
-------------------
The one exception to "nothing leaves that is not already durable". Every committed change of an order is kept in a table here.
When somebody else has found the runtime stuck under kill (`gateway.runtime.emergency`), this cancels what the table holds in
killed scopes, on that other thread, by requests with ClOrdIDs the core never gives out. Each is in the fsynced emergency file
before the wire, and becomes an event when the runtime turns again, or at the next start: the core follows it to its outcome.

It never sends anything but a cancel, a TestRequest(1) to agree on the numbers of a new connection, and a Logon where we had
logged out because of the failure. Each asks the fence first: where a standby may have the session, nothing goes. A second
cancel for an order goes only when the first was refused or not answered, under the other name the order may go by; at the
venue it can at most be refused. The core's own cancels of the same orders are held back at the gate while an emergency cancel
has not become an event.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection

from gateway.clock import wall_ns
from gateway.core.events import EmergencyCancelSent
from gateway.core.orders import Command, Order
from gateway.core.state import order_scopes
from gateway.core.values import CommandKind
from gateway.errors import Denied
from gateway.fix import tags
from gateway.fix.encoder import Encoder
from gateway.fix.message import FixMessage
from gateway.venue.emergency_file import EmergencyFile
from gateway.venue.link import Connection, NotSent
from gateway.venue.send_log import SendLog

_log = logging.getLogger(__name__)
ATTEMPTS = 3
ANSWER_SECONDS = 5.0
REFUSED_SECONDS = 0.5
PROBE_SECONDS = 2.0
_ENDED = frozenset("248C")
"""OrdStatus(39) of an order that is over: filled, cancelled, rejected, expired."""


class _Attempt:
    """Cancels of one order: how many went, when the last one did, what came of it."""

    def __init__(self) -> None:
        self.count = 0
        self.at = 0.0
        self.outcome = ""


class Emergency:
    """One venue's. `keep` is for the runtime thread, `act` and `rest` for the watchdog's; what only counts is for any. `untold`
    is added to, and searched, inside a send of the link, which lets one thread in at a time."""

    def __init__(
        self,
        here: Connection,
        encoder: Encoder,
        send_log: SendLog,
        file: EmergencyFile | None,
        count: Callable[[str, str, str], None],
        *,
        id_prefix: str,
    ) -> None:
        self._here = here
        self._encoder = encoder
        self._send_log = send_log
        self._file = file
        self._count = count
        self._id_prefix = id_prefix
        self._orders: dict[str, Order] = {}
        """Open orders as committed, by order id."""
        self._attempts: dict[str, _Attempt] = {}
        self._names: dict[str, str] = {}
        """ClOrdID(11) or OrderID(37) -> order id, for what is being cancelled."""
        self._numbers = 0
        self._probe: str | None = None
        self._probed = 0.0
        self._agreed_logon = 0
        self._fence: Callable[[], str | None] = lambda: None
        self.untold: deque[EmergencyCancelSent] = deque()
        """Sent, and not an event yet."""

    def keep(self, order: Order) -> None:
        """An order as it was just committed."""
        if order.state.terminal:
            self._orders.pop(order.order_id, None)
        else:
            self._orders[order.order_id] = order

    def covers(self, order_id: str) -> bool:
        """Whether an emergency cancel of this order is out that the core does not know of."""
        return any(event.order_id == order_id for event in self.untold)

    @property
    def report(self) -> dict[str, int]:
        """Orders with emergency cancels by how that stands: `answered`, `refused`, `unsent` or `waiting`."""
        found: dict[str, int] = {}
        for attempt in tuple(self._attempts.values()):
            outcome = attempt.outcome or "waiting"
            found[outcome] = found.get(outcome, 0) + 1
        return found

    def covered(self, scopes: Collection[str]) -> int:
        """How many open orders are in these scopes."""
        return sum(any(scope in scopes for scope in order_scopes(order)) for order in tuple(self._orders.values()))

    # ------------------------------------------------------------------------------------------------ the watchdog's

    def act(self, scopes: Collection[str], now: float, *, logged_out: bool, fence: Callable[[], str | None]) -> None:
        """One look: send what is due, or do what has to come first. `now`: monotonic seconds; `logged_out`: by ourselves;
        `fence`: why nothing may be sent, asked again for each message."""
        self._fence = fence
        orders = tuple(self._orders.values())
        due = [o for o in orders if self._due(o.order_id, now) and any(scope in scopes for scope in order_scopes(o))]
        if not due:
            return
        link = self._here.link
        link.watch(self._seen)
        if not link.logged_on:
            if logged_out and not link.enabled:
                _log.critical("%s: logging on again, to cancel %d orders", self._here.session, len(due))
                link.logon()
            return
        if not self._agreed(now):
            return
        for order in due:
            if not self._cancel(order, now):
                return  # nothing goes over this link now: the next look tries again

    def rest(self) -> None:
        """The runtime turns again, or nothing is killed any more."""
        if self._attempts:
            self._here.link.watch(None)
            self._attempts, self._names, self._probe = {}, {}, None

    def _due(self, order_id: str, now: float) -> bool:
        attempt = self._attempts.get(order_id)
        if attempt is None:
            return True
        if attempt.outcome == "answered" or attempt.count >= ATTEMPTS:
            return False
        return now - attempt.at > (ANSWER_SECONDS if attempt.outcome == "" else REFUSED_SECONDS)

    def _agreed(self, now: float) -> bool:
        """Whether both sides agree on the numbers: else what is sent now can be swallowed by a gap fill."""
        link = self._here.link
        if self._here.unsettled() is None or self._agreed_logon == link.logons:
            return True
        due = self._probe is None or now - self._probed > PROBE_SECONDS
        if due and self._fence() is None:
            self._probe, self._probed = f"KILL-{link.logons}-{wall_ns()}", now
            try:
                link.send(self._encoder.test_request(self._probe))
            except NotSent as error:
                _log.warning("%s: %s", self._here.session, error)
        return False

    def _cancel(self, order: Order, now: float) -> bool:
        """False when it did not leave and none after it would. One that did not leave is not an attempt."""
        attempt = self._attempts.setdefault(order.order_id, _Attempt())
        before = attempt.count
        attempt.count, attempt.at, attempt.outcome = before + 1, now, ""
        self._numbers += 1
        name = f"{self._id_prefix}-E{self._numbers}"
        names = [order.cl_ord_id, order.new_in_flight or order.cl_ord_id]
        if self._encoder.cancel_names_last_sent:
            names.reverse()
        of = names[(attempt.count - 1) % 2]
        for known in (*names, name, order.venue_order_id):
            if known:
                self._names[known] = order.order_id
        command = order.command(CommandKind.CANCEL, order.terms, cl_ord_id=name, orig_cl_ord_id=of)

        def guard(msg_seq_num: int) -> str | None:
            refusal = self._fence()
            if refusal is None:
                self._remember(command, msg_seq_num)
                refusal = self._fence()  # again: the disk may have taken its time
            return refusal

        try:
            outgoing = self._encoder.cancel(command, wall_ns())
            self._here.link.send(outgoing, guard)
        except Denied as error:  # cannot be said on the wire: no second try says it better
            _log.critical("%s: emergency cancel of %s cannot be sent: %s", self._here.session, order.order_id, error)
            attempt.count = ATTEMPTS
            return True
        except NotSent as error:
            _log.critical("%s: emergency cancel of %s not sent: %s", self._here.session, order.order_id, error)
            attempt.count, attempt.outcome = before, "unsent"  # again after `REFUSED_SECONDS`
            return False
        self._count(self._here.venue, "out", outgoing.msg_type)
        _log.critical("%s: emergency cancel %s of order %s sent", self._here.session, name, order.order_id)
        return True

    def _remember(self, command: Command, msg_seq_num: int) -> None:
        """Before the wire. What cannot be written down does not hold a cancel up."""
        event = EmergencyCancelSent(
            venue=self._here.venue,
            session=self._here.session,
            epoch=self._here.epoch,
            msg_seq_num=msg_seq_num,
            order_id=command.order_id,
            cl_ord_id=command.cl_ord_id,
            orig_cl_ord_id=command.orig_cl_ord_id or "",
            sent_ns=wall_ns(),
        )
        self.untold.append(event)
        try:
            self._send_log.append(event.epoch, msg_seq_num, command.cl_ord_id)
        except OSError as error:
            _log.critical("%s: %s", self._here.session, error)
        try:
            if self._file is not None:
                self._file.append(event)
        except OSError as error:
            _log.critical("%s: emergency file: %s; only this process knows of %s", self._here.session, error, command.cl_ord_id)

    # --------------------------------------------------------------------------------------------------- the engine's

    def _seen(self, raw: str) -> None:
        """A message of the venue, before it waits for the runtime."""
        message = FixMessage.parse(raw)
        kind = message.get(35)
        if kind == "0" and self._probe is not None and message.get(tags.TEST_REQ_ID) == self._probe:
            self._agreed_logon, self._probe = self._here.link.logons, None
        elif kind == "2":
            self._probe = None  # a gap fill may swallow it
        elif kind in ("8", "9"):
            named = (message.get(tag) for tag in (tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID, tags.ORDER_ID))
            names = self._names  # `rest` puts an empty one in its place
            order_id = next((names[name] for name in named if name is not None and name in names), None)
            attempt = None if order_id is None else self._attempts.get(order_id)
            if attempt is None:
                return
            if message.get(tags.ORD_STATUS) in _ENDED and not (kind == "9" and message.get(tags.ORD_STATUS) == "8"):
                attempt.outcome = "answered"
            elif kind == "9" and attempt.outcome == "":
                attempt.outcome = "refused"
