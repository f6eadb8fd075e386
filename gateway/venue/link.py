"""Between the engine's thread and the runtime's: what the engine hands over, and what it is asked to do.

The rest of the gateway knows a FIX engine only as a `Link`; the engine's own types stay in `gateway.venue.engine`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

import msgspec

from gateway.fix.encoder import Outgoing

MOST = 2**31 - 1
"""The highest MsgSeqNum(34) that is believed."""


class Kind(Enum):
    """What happened on a session. All but MESSAGE come from the engine itself."""

    MESSAGE = "message"
    LOGON = "logon"
    LOGOUT = "logout"
    LOGON_SENT = "logon sent"
    RESEND_REQUESTED = "resend requested"
    RESEND_REFUSED = "resend refused"
    ENGINE_REJECT = "engine reject"
    LOGOUT_SENT = "logout sent"


class Inbound(msgspec.Struct, kw_only=True):
    """One thing that happened, stamped when it was taken from the engine.

    `raw`: the message, none for RESEND_REFUSED; for ENGINE_REJECT the one the engine refused ("" when it is not known any
    more), for LOGON_SENT and RESEND_REQUESTED our own. `detail`: the Text(58) of what our engine sent, or of the refusal.
    `conflated` counts older snapshots that this one replaced while it waited.
    """

    venue: str
    kind: Kind
    raw: str = ""
    received_ns: int = 0
    detail: str = ""
    msg_seq_num: int | None = None
    conflated: int = 0


class Sink(Protocol):
    """The bounded intake."""

    def offer(self, inbound: Inbound) -> bool:
        """Take it, or return False: then nothing more of this connection is taken, and the venue keeps it for us."""

    def insist(self, inbound: Inbound) -> None:
        """Take it whatever the bound: logons, logouts and what the engine did are few and must not be missed."""


class NotSent(Exception):
    """The request provably did not reach the wire."""


class SendGuard(Protocol):
    """Consulted at the last moment, under the number the message is about to get."""

    def __call__(self, msg_seq_num: int) -> str | None:
        """Why it must not go, or None. Whatever must be written down before the wire is written here."""


class Link(Protocol):
    """One FIX session over one connection."""

    @property
    def numbers(self) -> tuple[int, int]:
        """Next MsgSeqNum(34) we send, next one we expect."""

    @property
    def logons(self) -> int:
        """How many logons there were; changes the moment the engine sees one."""

    @property
    def logged_on(self) -> bool: ...

    def start(self) -> None: ...

    def watch(self, seen: Callable[[str], None] | None) -> None:
        """Show every inbound message to `seen` too, on the engine's thread and before it waits for anybody; None ends it."""

    def send(self, outgoing: Outgoing, guard: SendGuard | None = None) -> int:
        """MsgSeqNum(34) it was sent under. Raises NotSent when it provably did not leave."""

    @property
    def enabled(self) -> bool:
        """Whether it (re)connects by itself: from the start, unless `logout` was the last word."""

    def renumber(self, next_sender: int, next_target: int, *, ask: bool) -> None:
        """The numbers of the next logon; only while down. `ask`: with ResetSeqNumFlag(141)=Y, until one is answered."""

    def logon(self) -> None:
        """Let the session (re)connect."""

    def logout(self) -> None:
        """Log out and stay out until `logon`."""

    def drop(self) -> None:
        """Cut the connection; the engine reconnects by itself."""

    def take_next_number(self) -> None:
        """Take MsgSeqNum(34) of the next Logon(A) as the one expected: what was sent before it is not asked for."""


class Connection(Protocol):
    """A venue's one session, as the parts that act on it see it: on the runtime thread, but for emergency cancels, which are
    wanted when that is stuck."""

    venue: str
    session: str

    @property
    def epoch(self) -> int: ...

    @property
    def link(self) -> Link: ...

    @property
    def settled(self) -> bool:
        """Whether both sides agreed on the numbers."""

    def unsettled(self) -> str | None:
        """Why no request may be sent now; None when both sides agree on the numbers of the connection there is, and the
        journal is ours."""

    def fenced(self) -> str | None:
        """Why nothing at all may be sent now: the journal may be another gateway's. None when it is ours."""
