"""The venue's FIX side: the engine, its settings and its callbacks.

Exists to carry messages between the engine and the venue. It must not decide, and nothing may be raised out of a callback
but what the engine expects there: anything else ends the process.

The engine validates against the standard dictionaries of the venue's version, unmodified, so a malformed request is answered
by a Reject(3). Messages are kept (PersistMessages=Y): a client that was away asks for its reports and gets them with
PossDupFlag(43)=Y. Old market data is not sent again; a gap fill stands in its place.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import socket
import time
from pathlib import Path

import quickfix as fix

from gateway.errors import PreconditionFailed
from gateway.sim import wire
from gateway.sim.feed import MarketDataAnswer
from gateway.sim.messages import Answer, BusinessReject
from gateway.sim.settings import LOOPBACK, VenueSettings
from gateway.sim.venue import Venue
from gateway.sim.versions import VERSIONS

log = logging.getLogger("gateway.sim")

MARKET_DATA = frozenset("WX")
CANCEL_ON_DISCONNECT = 8013
"""A user-defined field of the Logon(A): Y cancels the client's orders when its session ends."""
LOGOUT_POLL_SECONDS = 0.02


class Sessions:
    """The client sessions by CompID, as the engine knows them, and the way out to them."""

    def __init__(self, settings: VenueSettings) -> None:
        version = VERSIONS[settings.fix_version]
        self._ids = {target: fix.SessionID(version.begin_string, settings.sender, target) for target in settings.target}
        self._encoder = wire.Encoder(version, fix.DataDictionary(str(standard_dictionary(version.application))))

    def answer(self, answer: Answer) -> None:
        self._send(self._encoder.answer(answer), answer.session)

    def market_data(self, answer: MarketDataAnswer) -> None:
        self._send(self._encoder.market_data(answer), answer.session)

    def names(self) -> list[str]:
        return list(self._ids)

    def log_out_all(self, seconds: float) -> None:
        """Log every client out for good; returns when all have answered or the time is over."""
        sessions = [self.find(target) for target in self._ids]
        for session in sessions:
            session.logout("the venue stops")
        deadline = time.monotonic() + seconds
        while any(session.isLoggedOn() for session in sessions) and time.monotonic() < deadline:
            time.sleep(LOGOUT_POLL_SECONDS)

    def find(self, target: str) -> fix.Session:
        """The engine's session. Raises KeyError for a client that is not configured."""
        return fix.Session.lookupSession(self._ids[target])

    def _send(self, message: fix.Message, session: str) -> None:
        fix.Session.sendToTarget(message, self._ids[session])


class VenueApplication(fix.Application):  # type: ignore[misc] # the engine ships no types
    """The callbacks. The switches are faults of the session, set from the console."""

    def __init__(self, settings: VenueSettings) -> None:
        super().__init__()
        self.venue: Venue | None = None
        self._credentials = _credentials(settings)
        self.refuse_logon = False
        self.gap_fill_resends = False
        self.silent_resends = False

    def onCreate(self, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name, as are those below
        pass

    def onLogon(self, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        log.info("%s logged on", _client(session_id))

    def onLogout(self, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        client = _client(session_id)
        log.info("%s logged out", client)
        if self.venue is not None:
            self.venue.session_gone(client)

    def toAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        header = message.getHeader()
        if self.silent_resends and header.getField(35) == "4" and _is_resent(header):
            _silence(message)

    def fromAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        if message.getHeader().getField(35) != "A":
            return
        if self.refuse_logon:
            raise fix.RejectLogon("logon refused by the operator of the venue")
        if any(not message.isSetField(tag) or message.getField(tag) != value for tag, value in self._credentials):
            raise fix.RejectLogon("wrong username or password")
        if self.venue is not None:
            asked = message.isSetField(CANCEL_ON_DISCONNECT) and message.getField(CANCEL_ON_DISCONNECT) == "Y"
            self.venue.logon_asks(_client(session_id), cancel_on_disconnect=asked)

    def toApp(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        header = message.getHeader()
        withheld = self.gap_fill_resends or self.silent_resends or header.getField(35) in MARKET_DATA
        if withheld and _is_resent(header):
            raise fix.DoNotSend

    def fromApp(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802 - the engine's name
        try:
            self._take(message, _client(session_id))
        except Exception:
            log.exception("a request of %s failed in the venue", _client(session_id))

    def _take(self, message: fix.Message, client: str) -> None:
        assert self.venue is not None
        try:
            request = wire.decode(message)
        except wire.Unreadable as error:
            header = message.getHeader()
            reject = BusinessReject(
                session=client,
                ref_msg_type=header.getField(35),
                ref_seq_num=header.getField(34),
                ref_id=None,
                reason=error.reason,
                text=str(error),
            )
            self.venue.intervene(lambda _exchange, _now_ns: [reject])
        else:
            self.venue.request(client, request)


class Acceptor:
    """The listening engine. `port` is the real one when 0 was asked for.

    It is never stopped: the engine's own stop frees its server while its thread may still use it, and ends the process with
    a segmentation fault if a client connects at that moment (seen once in ten). Log out, then end the process.
    """

    def __init__(self, application: VenueApplication, settings: VenueSettings, store: Path) -> None:
        self.port = _free_port(settings.port)
        self._application = application
        self._settings = _engine_settings(settings, self.port, store)
        self._factory = fix.FileStoreFactory(self._settings)
        try:
            self._acceptor = fix.SocketAcceptor(application, self._factory, self._settings)
            self._acceptor.start()
        except (fix.ConfigError, fix.RuntimeError) as error:
            raise PreconditionFailed(f"the engine cannot listen on port {self.port}: {error}") from error


def standard_dictionary(name: str) -> Path:
    """A dictionary as the engine's distribution installed it. Raises PreconditionFailed when it did not."""
    for file in importlib.metadata.distribution("quickfix").files or ():
        if file.name == name:
            return Path(str(file.locate())).resolve()
    raise PreconditionFailed(f"the quickfix distribution has no {name}; install quickfix 1.16.0 from PyPI")


def _credentials(settings: VenueSettings) -> list[tuple[int, str]]:
    """Tags a Logon(A) must carry, and their values; none where no password was configured."""
    if not settings.password_env:
        return []
    version = VERSIONS[settings.fix_version]
    password = (version.password_tag, os.environ[settings.password_env])
    named = settings.username and version.username_tag is not None
    return [(version.username_tag or 0, settings.username), password] if named else [password]


def _is_resent(header: fix.Header) -> bool:
    return bool(header.isSetField(43) and header.getField(43) == "Y")


def _silence(gap_fill: fix.Message) -> None:
    """Make of a gap fill what any client ignores, a Heartbeat(0) long seen: the engine cannot be kept from answering."""
    header = gap_fill.getHeader()
    header.setField(35, "0")
    header.setField(34, "1")
    for tag in (36, 123):
        gap_fill.removeField(tag)


def _client(session_id: fix.SessionID) -> str:
    return str(session_id.getTargetCompID().getValue())


def _free_port(wanted: int) -> int:
    """`wanted`, or any free port for 0, found out beforehand: the engine would only report a failure of its own."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", wanted))
        except OSError as error:
            raise PreconditionFailed(f"port {wanted}: {error.strerror}; name another --port, or 0 for any") from error
        return int(probe.getsockname()[1])


def _engine_settings(settings: VenueSettings, port: int, store: Path) -> fix.SessionSettings:
    version = VERSIONS[settings.fix_version]
    dictionary = standard_dictionary(version.application)
    default = {
        "ConnectionType": "acceptor",
        "SocketAcceptPort": str(port),
        "SocketReuseAddress": "Y",
        "SocketNodelay": "Y",
        "FileStorePath": str(store),
        "PersistMessages": "Y",
        "NonStopSession": "Y",
        "StartTime": "00:00:00",
        "EndTime": "00:00:00",
        "UseDataDictionary": "Y",
        "AllowUnknownMsgFields": "Y",
        "ValidateUserDefinedFields": "N",
        "ValidateFieldsOutOfOrder": "N",
        "CheckLatency": "N",
    }
    if version.transport is None:
        default["DataDictionary"] = str(dictionary)
    else:
        default["AppDataDictionary"] = str(dictionary)
        default["TransportDataDictionary"] = str(standard_dictionary(version.transport))
        default["DefaultApplVerID"] = str(version.appl_ver_id)
    if settings.host == LOOPBACK:
        # The engine listens on every interface; this is how it is kept to one.
        default["AllowedRemoteAddresses"] = LOOPBACK
    lines = ["[DEFAULT]", *(f"{key}={value}" for key, value in default.items())]
    for target in settings.target:
        lines += [
            "[SESSION]",
            f"BeginString={version.begin_string}",
            f"SenderCompID={settings.sender}",
            f"TargetCompID={target}",
        ]
    path = store / "engine.cfg"
    path.write_text("\n".join(lines) + "\n")
    return fix.SessionSettings(str(path))
