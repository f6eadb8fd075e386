"""QuickFIX behind the `Link` protocol: callbacks and numbers. With its log (`engine_log`) all that imports the engine.

An exception that leaves a callback kills the process, so every callback is total: it takes the message, stamps it, hands it
over, and answers for whatever goes wrong itself. Nothing is decoded here and nothing is decided, with two exceptions at the
last moment before the wire: the guard of `send`, and a full intake.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock

import quickfix as fix

from gateway.clock import wall_ns
from gateway.errors import PreconditionFailed
from gateway.fix.encoder import Outgoing
from gateway.venue.chunks import Chunks
from gateway.venue.engine_log import EngineLogs
from gateway.venue.engine_settings import EngineSettings, settings_text
from gateway.venue.fix_log import FixLog
from gateway.venue.link import MOST, Inbound, Kind, NotSent, SendGuard, Sink
from gateway.venue.numbers import Numbers
from gateway.venue.tls import check_tls
from gateway.venue.unsplit import as_it_came, sound

_log = logging.getLogger(__name__)
_RECENT = 256
SEND_SECONDS = 5.0
"""How long a message waits for the one before it to leave: longer only when the engine hangs in it."""
_WITH_GROUPS = frozenset({"V"})
"""Requests that hold repeating groups, which the engine cannot tell apart without a dictionary."""
Count = Callable[[str, str, str], None]
"""Told venue, direction and MsgType(35) of a message. Any thread."""
Fence = Callable[[], str | None]
"""Why nothing may be sent, because the journal may be another gateway's; None when it is ours. Any thread."""


class _Application(fix.Application):  # type: ignore[misc]  # the engine has no type stubs
    """The callbacks. `onLogout` also follows a refused logon; the Logout's text has come as a message before it."""

    def __init__(self, settings: EngineSettings, sink: Sink, recent: deque[str], count: Count, fence: Fence) -> None:
        super().__init__()
        self._fence = fence
        self._settings = settings
        self._count = count
        self._sink = sink
        self._recent = recent
        self.rewind_to: int | None = None
        """First message of this connection that the intake had no room for."""
        self.takes_number = False
        """The next Logon(A) of the venue sets the number we expect."""
        self.watcher: Callable[[str], None] | None = None
        """Sees every message before the intake does."""
        self._chunks = Chunks(settings.resend_chunk)
        self._resend_number: int | None = None
        """MsgSeqNum(34) of our last ResendRequest(2)."""
        self.logons = 0
        self._guard: SendGuard | None = None
        self._sent: int | None = None
        self._refused: str | None = None

    def begin(self, guard: SendGuard | None) -> None:
        """A send starts on this thread; `toApp` runs inside it."""
        self._guard, self._sent, self._refused = guard, None, None

    def end(self) -> tuple[int | None, str | None]:
        """The number it was given, or why it was not sent."""
        self._guard = None
        return self._sent, self._refused

    def onCreate(self, session: fix.SessionID) -> None: ...  # noqa: N802 - the engine's name

    def onLogon(self, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        self.logons += 1
        try:
            fix.Session.lookupSession(session).setResetOnLogon(self._settings.reset_on_logon)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("onLogon")
        self._insist(Kind.LOGON)

    def onLogout(self, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        self._insist(Kind.LOGOUT)

    def toAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        try:
            msg_type = message.getHeader().getField(35)
            self._count(self._settings.venue, "out", msg_type)
            if msg_type == "A" and (refusal := self._fence()) is not None:
                _log.warning("%s: no logon: %s", session, refusal)
                fix.Session.lookupSession(session).disconnect()  # without a connection the engine sends nothing
            elif msg_type == "A":
                self._logon_leaves(message, session)
            elif msg_type == "3":
                self._engine_refused(message)
            elif msg_type == "2":
                self._resend_number = int(message.getHeader().getField(34))
                self._limit(message)
                self._insist(Kind.RESEND_REQUESTED, message.toString())
            elif msg_type == "5":
                self._insist(Kind.LOGOUT_SENT, detail=message.getField(58) if message.isSetField(58) else "")
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("toAdmin")

    def toApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        try:
            header = message.getHeader()
            if header.getField(35) == "j":  # only the engine sends these
                self._count(self._settings.venue, "out", "j")
                self._engine_refused(message)
                return
            number = int(header.getField(34))
            self._refused = self._guard(number) if self._guard is not None else None
            self._sent = None if self._refused else number
        except Exception as error:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("toApp")
            self._refused = f"{type(error).__name__}: {error}"
        if self._refused is not None:
            raise fix.DoNotSend

    def fromAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        self._take(message, session, admin=True)

    def fromApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        self._take(message, session, admin=False)

    def _take(self, message: fix.Message, session: fix.SessionID, *, admin: bool) -> None:
        try:
            if self.rewind_to is not None:
                return
            settings = self._settings
            raw = as_it_came(message.toString(), reversed(self._recent), settings.target_comp_id, settings.sender_comp_id)
            inbound = Inbound(venue=settings.venue, kind=Kind.MESSAGE, raw=raw, received_ns=wall_ns())
            if self.watcher is not None:
                self._show(inbound.raw)
            if admin and self._is_for_the_engine(message, session):
                return
            if not self._sink.offer(inbound):
                # Not to the number of this message: a Logon, Logout or ResendRequest arrives here ahead of a gap, too.
                self._rewind(fix.Session.lookupSession(session).getExpectedTargetNum(), session, "intake full")
            elif admin and message.getHeader().getField(35) == "5":
                self._farewell(int(message.getHeader().getField(34)), session)
            elif admin and self._resets_beyond_counting(message):
                number = fix.Session.lookupSession(session).getExpectedTargetNum()
                gap_fill = message.isSetField(123) and message.getField(123) == "Y"
                counts = gap_fill and message.getHeader().getField(34) == str(number)  # a Reset has no number of its own
                self._rewind(number + counts, session, f"a SequenceReset(4) to {message.getField(36)}")
            elif self._chunks.open:
                gap_fill = message.getHeader().getField(35) == "4" and message.isSetField(36)
                self._ask_on(int(message.getField(36)) - 1 if gap_fill else int(message.getHeader().getField(34)), session)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("taking a message")
            self._come_back(session)

    def take_unsplit(self, raw: str) -> None:
        """What the engine could not split and goes on without, unless it is damaged or not due. On the engine's thread."""
        try:
            settings = self._settings
            message = sound(raw, settings.target_comp_id, settings.sender_comp_id)
            name = fix.SessionID(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
            session = fix.Session.lookupSession(name)
            number = session.getExpectedTargetNum()
            if message is None or message.msg_seq_num != number or self.rewind_to is not None or not session.isLoggedOn():
                return
            if self.watcher is not None:
                self._show(raw)
            if not self._sink.offer(Inbound(venue=settings.venue, kind=Kind.MESSAGE, raw=raw, received_ns=wall_ns())):
                self._rewind(number, name, "intake full")
                return
            session.setNextTargetMsgSeqNum(number + 1)
            if self._chunks.open:
                self._ask_on(number, name)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("taking a message that the engine could not split")

    def _is_for_the_engine(self, message: fix.Message, session: fix.SessionID) -> bool:
        """What the engine has to be told of an administrative message before it goes on; True when that was all."""
        header = message.getHeader()
        msg_type = header.getField(35)
        if msg_type == "A" and self.takes_number:
            self._take_number(message, int(header.getField(34)), session)
        return bool(msg_type == "3" and self._skips(message, int(header.getField(34)), session))

    def _resets_beyond_counting(self, message: fix.Message) -> bool:
        """A SequenceReset(4) to a number that no session reaches: the engine would take it, and never log on again."""
        if message.getHeader().getField(35) != "4" or not message.isSetField(36):
            return False
        new = message.getField(36)
        return bool(new.isdigit() and int(new) > MOST)

    def _farewell(self, number: int, session: fix.SessionID) -> None:
        """The engine counts a Logout(5) whatever its number is: what is missing before it would never be asked for."""
        expected = fix.Session.lookupSession(session).getExpectedTargetNum()
        if number != expected:
            self.rewind_to = expected

    def _show(self, raw: str) -> None:
        """Whoever only watches costs nobody a message."""
        try:
            watcher = self.watcher
            if watcher is not None:
                watcher(raw)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("watching a message")

    def _come_back(self, session: fix.SessionID) -> None:
        """A message we failed to take is the venue's to keep: the engine has not counted it yet."""
        try:
            number = fix.Session.lookupSession(session).getExpectedTargetNum()
            self._rewind(number, session, "a message could not be taken")
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("dropping the connection")

    def _take_number(self, logon: fix.Message, number: int, session: fix.SessionID) -> None:
        """Before the engine compares it with what it expects. A Logon that resets the numbers brings its own."""
        self.takes_number = False
        if not (logon.isSetField(141) and logon.getField(141) == "Y"):
            fix.Session.lookupSession(session).setNextTargetMsgSeqNum(number)

    def _limit(self, request: fix.Message) -> None:
        """The engine asks for everything that is missing, EndSeqNo(16)=0; some venues want to be asked for less."""
        if request.getField(16) in ("0", "999999"):
            end = self._chunks.first(int(request.getField(7)), self._recent[-1] if self._recent else "")
            if end is not None:
                request.setField(16, str(end))

    def _ask_on(self, number: int, session: fix.SessionID) -> None:
        """The chunk is complete with this message: the next one. On the engine's thread, inside its callback."""
        following = self._chunks.taken(number)
        if following is not None:
            begin, end = following
            fix.Session.sendToTarget(
                fix.Message(f"8={self._settings.begin_string}\x019=0\x0135=2\x017={begin}\x0116={end}\x0110=000\x01", False),
                session,
            )

    def _skips(self, reject: fix.Message, number: int, session: fix.SessionID) -> bool:
        """The engine takes a Reject(3) for the next message whatever its number, and would never ask for the one it skips."""
        expected = fix.Session.lookupSession(session).getExpectedTargetNum()
        if number > expected:
            if reject.isSetField(45) and reject.getField(45) == str(self._resend_number):
                self._insist(Kind.RESEND_REFUSED, detail=reject.getField(58) if reject.isSetField(58) else "no reason given")
            self._rewind(expected, session, f"a Reject(3) came ahead of a gap, as MsgSeqNum(34)={number}")
        return bool(number > expected)

    def _rewind(self, number: int, session: fix.SessionID, why: str) -> None:
        """Cut the connection; the next logon asks for everything from `number` on."""
        self.rewind_to = number
        _log.error("%s: %s: dropping the connection, to go on at MsgSeqNum(34)=%s", session, why, number)
        fix.Session.lookupSession(session).disconnect()

    def _logon_leaves(self, message: fix.Message, session: fix.SessionID) -> None:
        lost = None
        if self.rewind_to is not None:
            if message.isSetField(141) and message.getField(141) == "Y":
                lost = self.rewind_to  # a reset begins a new count: the venue cannot send it again
            else:
                fix.Session.lookupSession(session).setNextTargetMsgSeqNum(self.rewind_to)
            self.rewind_to = None
        self._chunks.closed()
        self._insist(Kind.LOGON_SENT, message.toString(), number=lost)
        for tag, value in (*self._settings.logon_fields, *self._settings.credentials):
            message.setField(fix.StringField(tag, value))

    def _engine_refused(self, reject: fix.Message) -> None:
        """The engine answers a message by itself: no other callback will ever see that message."""
        ref = reject.getField(45) if reject.isSetField(45) else None
        raw = next((text for text in reversed(self._recent) if f"\x0134={ref}\x01" in text), "")
        detail = reject.getField(58) if reject.isSetField(58) else "no reason given"
        number = int(ref) if ref is not None and ref.isdigit() else None
        self._insist(Kind.ENGINE_REJECT, raw, detail, number)

    def _insist(self, kind: Kind, raw: str = "", detail: str = "", number: int | None = None) -> None:
        try:
            self._sink.insist(
                Inbound(
                    venue=self._settings.venue,
                    kind=kind,
                    raw=raw,
                    received_ns=wall_ns(),
                    detail=detail,
                    msg_seq_num=number,
                )
            )
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("handing over %s", kind)


class QuickFixLink:
    """A session on an initiator of its own: it starts, stops and fails alone."""

    def __init__(self, settings: EngineSettings, numbers: Numbers, sink: Sink, log: FixLog, count: Count, fence: Fence) -> None:
        """`count` is told of the messages the engine sends by itself, and of all administrative ones."""
        self._settings = settings
        recent: deque[str] = deque(maxlen=_RECENT)
        if settings.tls is not None:
            try:
                check_tls(settings.tls)
            except PreconditionFailed as error:
                raise PreconditionFailed(f"venue {settings.venue}: tls: {error}") from error
        try:
            settings.store.mkdir(parents=True, exist_ok=True)
            parsed = fix.SessionSettings()
            parsed.setFromString(settings_text(settings))
            self._application = _Application(settings, sink, recent, count, fence)
            self._logs = EngineLogs(log, recent, self._application.take_unsplit)
            self._stores = fix.FileStoreFactory(parsed)
            self._parsed = parsed
            initiator = fix.SocketInitiator if settings.tls is None else fix.SSLSocketInitiator
            self._initiator = initiator(self._application, self._stores, parsed, self._logs)
            self._dictionary = fix.DataDictionary(str(settings.dictionaries.application))
        except (fix.ConfigError, fix.RuntimeError, OSError) as error:
            raise PreconditionFailed(f"venue {settings.venue}: the FIX engine refuses its settings: {error}") from error
        self._sending = Lock()
        """Two threads may send, the runtime's and one that tests the session: a guard belongs to one message."""
        self._session_id = fix.SessionID(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
        self._session = fix.Session.lookupSession(self._session_id)
        self._session.setNextSenderMsgSeqNum(numbers.next_sender)
        self._session.setNextTargetMsgSeqNum(numbers.next_target)

    @property
    def numbers(self) -> tuple[int, int]:
        return self._session.getExpectedSenderNum(), self._session.getExpectedTargetNum()

    @property
    def logons(self) -> int:
        return self._application.logons

    @property
    def logged_on(self) -> bool:
        return bool(self._session.isLoggedOn())

    @property
    def enabled(self) -> bool:
        return bool(self._session.isEnabled())

    def start(self) -> None:
        self._initiator.start()

    def renumber(self, next_sender: int, next_target: int, *, ask: bool) -> None:
        self._application.rewind_to, self._application.takes_number = None, False
        self._session.setNextSenderMsgSeqNum(next_sender)
        self._session.setNextTargetMsgSeqNum(next_target)
        # The engine's own switch: with it the Logon resets both sides. A Logon that was answered turns it off again.
        self._session.setResetOnLogon(ask or self._settings.reset_on_logon)

    def watch(self, seen: Callable[[str], None] | None) -> None:
        self._application.watcher = seen

    def send(self, outgoing: Outgoing, guard: SendGuard | None = None) -> int:
        if not self._session.isLoggedOn():
            raise NotSent("not logged on")
        application = self._application
        if not self._sending.acquire(timeout=SEND_SECONDS):
            raise NotSent(f"the engine has hung in another message for {SEND_SECONDS:g} s")
        try:
            application.begin(guard)
            try:
                fix.Session.sendToTarget(self._message(outgoing), self._session_id)
                failure = "the engine did not take it"
            except Exception as error:  # noqa: BLE001 - whatever the engine objects to: `toApp` knows whether it left
                failure = f"{type(error).__name__}: {error}"
            sent, refused = application.end()
        finally:
            self._sending.release()
        if outgoing.msg_type == "1":  # administrative: goes through toAdmin, and nobody asks for its number
            return 0
        if sent is None:
            raise NotSent(refused or failure)
        return sent

    def _message(self, outgoing: Outgoing) -> fix.Message:
        """Parsing ready text costs 2 us, setting fields one by one 14; header, length and checksum are the engine's."""
        fields = "".join(f"{tag}={value}\x01" for tag, value in outgoing.fields)
        text = f"8={self._settings.begin_string}\x019=0\x0135={outgoing.msg_type}\x01{fields}10=000\x01"
        if outgoing.msg_type in _WITH_GROUPS:
            return fix.Message(text, self._dictionary, False)
        return fix.Message(text, False)

    def logon(self) -> None:
        self._session.logon()

    def logout(self) -> None:
        self._session.logout()

    def drop(self) -> None:
        self._session.disconnect()

    def take_next_number(self) -> None:
        self._application.takes_number = True
