"""FIX sessions as a log shows them: logons, logouts, gaps, resends, resets, rejects, and silences longer than HeartBtInt(108).

A session is BeginString(8) and two CompIDs; each of its directions counts its own MsgSeqNum(34). Where a log has no numbers or
no CompIDs, what depends on them is left out. State is one record a session and direction; events are handed out as they are
found and not kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.values import NANOS
from gateway.fix import tags
from gateway.fix.message import FixMessage, whole_number
from gateway.fixlogs.reader import LogMessage

KINDS: Final = {
    "logon": "Logon(A)",
    "logout": "Logout(5)",
    "lost": "a Logon(A) with no Logout(5) since the one before, as after a connection that was lost",
    "reset": "sequence numbers begin again: ResetSeqNumFlag(141)=Y, or a number 1 in a Logon",
    "gap": "MsgSeqNum(34) higher than the next one expected",
    "low": "MsgSeqNum(34) lower than expected, not marked as a possible duplicate",
    "repeated": "the same message again, as when a log holds it twice",
    "resend_request": "ResendRequest(2)",
    "gap_fill": "SequenceReset(4) with GapFillFlag(123)=Y",
    "sequence_reset": "SequenceReset(4) without GapFillFlag(123)",
    "reject": "Reject(3)",
    "business_reject": "BusinessMessageReject(j)",
    "test_request": "TestRequest(1)",
    "silence": "nothing for longer than HeartBtInt(108) and a fifth",
    "late_answer": "a TestRequest(1) answered later than HeartBtInt(108)",
}
"""Every kind of event, and what it means."""
_SESSION_TYPES = frozenset("A5234j1") | {"0"}
_ASKED = 64


@dataclass(slots=True)
class Event:
    """Something that happened in a session. `sender` sent the message it is about."""

    kind: str
    session: str
    sender: str
    time_ns: int | None
    msg_seq_num: int | None
    detail: str


@dataclass(slots=True)
class _Direction:
    sender: str
    target: str
    logged_on: bool = False
    """It sent a Logon(A), and no Logout(5) of either side came after it."""
    messages: int = 0
    duplicates: int = 0
    expected: int | None = None
    lowest: int | None = None
    highest: int | None = None
    last_ns: int | None = None
    last_body: bytes = b""
    longest_silence_ns: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    """TestReqID(112) of questions this side asked -> when."""
    slowest_answer_ns: int = 0
    events: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Session:
    name: str
    version: str
    first_ns: int | None = None
    last_ns: int | None = None
    heartbeat_ns: int | None = None
    directions: dict[str, _Direction] = field(default_factory=dict)


class Sessions:
    """Follows all sessions of a log. `tell` gets every event as it is found."""

    def __init__(self, tell: Callable[[Event], None] = lambda event: None) -> None:
        self._tell = tell
        self._sessions: dict[tuple[str, frozenset[str]], _Session] = {}

    def add(self, message: LogMessage) -> None:
        """The next message, in the order of the log."""
        session = self._session(message)
        mine = session.directions.get(message.sender)
        if mine is None:
            mine = session.directions[message.sender] = _Direction(message.sender, message.target)
        at = message.time_ns
        body = message.body
        if body == mine.last_body:
            self._event(session, mine, message, "repeated", "")
            return
        fields = message.fields if message.msg_type in _SESSION_TYPES or b"\x0143=Y" in body else None
        mine.messages += 1
        mine.last_body = body
        self._silence(session, mine, message, at)
        if message.msg_type == "A":
            self._lost(session, mine, message)
        if session.first_ns is None:
            session.first_ns = at
        if at is not None:
            session.last_ns = at
            mine.last_ns = at
        self._number(session, mine, message, fields)
        if fields is not None and message.msg_type in _SESSION_TYPES:
            self._administrative(session, mine, message, fields)

    def _session(self, message: LogMessage) -> _Session:
        key = (message.version, frozenset((message.sender, message.target)))
        session = self._sessions.get(key)
        if session is None:
            names = "<->".join(sorted((message.sender or "?", message.target or "?")))
            session = self._sessions[key] = _Session(f"{message.version}:{names}", message.version)
        return session

    def _event(self, session: _Session, mine: _Direction, message: LogMessage, kind: str, detail: str) -> None:
        mine.events[kind] += 1
        self._tell(Event(kind, session.name, mine.sender, message.time_ns, message.msg_seq_num, detail))

    def _lost(self, session: _Session, mine: _Direction, message: LogMessage) -> None:
        """Said once, by the side that logs on first."""
        if mine.logged_on:
            _logged_off(session)
            at, last = message.time_ns, session.last_ns
            heard = "" if at is None or last is None else f"last message {_seconds(at - last)} s before"
            self._event(session, mine, message, "lost", heard)
        mine.logged_on = True

    def _silence(self, session: _Session, mine: _Direction, message: LogMessage, at: int | None) -> None:
        if at is None or mine.last_ns is None or message.msg_type == "A":
            return
        silent = at - mine.last_ns
        mine.longest_silence_ns = max(mine.longest_silence_ns, silent)
        if session.heartbeat_ns and silent > session.heartbeat_ns * 6 // 5:
            self._event(session, mine, message, "silence", f"{_seconds(silent)} s")

    def _number(self, session: _Session, mine: _Direction, message: LogMessage, fields: FixMessage | None) -> None:
        number = message.msg_seq_num
        if number is None:
            return
        duplicate = fields is not None and fields.get(tags.POSS_DUP_FLAG) == "Y"
        if duplicate:
            mine.duplicates += 1
        begins = number == 1 and mine.expected not in (None, 1) and not duplicate
        if message.msg_type == "A" and fields is not None and (begins or fields.get(141) == "Y"):
            self._event(session, mine, message, "reset", f"expected {mine.expected}" if mine.expected else "asked for")
            mine.expected = None
        mine.lowest = number if mine.lowest is None else min(mine.lowest, number)
        mine.highest = number if mine.highest is None else max(mine.highest, number)
        expected = mine.expected
        if message.msg_type == "4" and fields is not None:
            following = whole_number(fields.get(36))
            if following is not None and (expected is None or following > expected or fields.get(123) != "Y"):
                mine.expected = following
            return
        if expected is None or number == expected:
            mine.expected = number + 1
        elif number > expected:
            self._event(session, mine, message, "gap", f"{expected} to {number - 1} missing")
            mine.expected = number + 1
        elif not duplicate:
            self._event(session, mine, message, "low", f"expected {expected}")

    def _administrative(self, session: _Session, mine: _Direction, message: LogMessage, fields: FixMessage) -> None:
        kind, text = message.msg_type, fields.get(tags.TEXT) or ""
        match kind:
            case "A":
                beat = whole_number(fields.get(108))
                session.heartbeat_ns = beat * NANOS if beat else None
                self._event(session, mine, message, "logon", f"heartbeat {fields.get(108) or '?'} s")
            case "5":
                _logged_off(session)
                self._event(session, mine, message, "logout", text)
            case "2":
                last = fields.get(16)
                wanted = f"{fields.get(7)} to {'the end' if last == '0' else last}"
                self._event(session, mine, message, "resend_request", wanted)
            case "4":
                filled = "gap_fill" if fields.get(123) == "Y" else "sequence_reset"
                self._event(session, mine, message, filled, f"next is {fields.get(36)}")
            case "3" | "j":
                about = " ".join(
                    part for part in (f"of {fields.get(45)}" if fields.get(45) else "", fields.get(372) or "", text) if part
                )
                self._event(session, mine, message, "reject" if kind == "3" else "business_reject", about)
            case "1":
                self._asked(session, mine, message, fields)
            case "0":
                self._answered(session, mine, message, fields)

    def _asked(self, session: _Session, mine: _Direction, message: LogMessage, fields: FixMessage) -> None:
        at, name = message.time_ns, fields.get(tags.TEST_REQ_ID)
        self._event(session, mine, message, "test_request", name or "")
        if at is not None and name:
            if len(mine.asked) >= _ASKED:
                del mine.asked[next(iter(mine.asked))]
            mine.asked[name] = at

    def _answered(self, session: _Session, mine: _Direction, message: LogMessage, fields: FixMessage) -> None:
        at, name = message.time_ns, fields.get(tags.TEST_REQ_ID)
        for asker in session.directions.values():
            if asker is not mine and name in asker.asked:
                asked = asker.asked.pop(name)
                took = 0 if at is None else at - asked
                mine.slowest_answer_ns = max(mine.slowest_answer_ns, took)
                if session.heartbeat_ns and took > session.heartbeat_ns:
                    self._event(session, mine, message, "late_answer", f"{_seconds(took)} s")

    def result(self) -> list[dict[str, Any]]:
        """One row a session, its directions inside."""
        return [
            {
                "session": session.name,
                "version": session.version,
                "first_ns": session.first_ns,
                "last_ns": session.last_ns,
                "heartbeat_seconds": session.heartbeat_ns // NANOS if session.heartbeat_ns else None,
                "directions": [_row(mine) for mine in session.directions.values()],
            }
            for session in self._sessions.values()
        ]


def _logged_off(session: _Session) -> None:
    for direction in session.directions.values():
        direction.logged_on = False


def _row(mine: _Direction) -> dict[str, Any]:
    return {
        "sender": mine.sender,
        "target": mine.target,
        "messages": mine.messages,
        "possible_duplicates": mine.duplicates,
        "lowest_seq_num": mine.lowest,
        "highest_seq_num": mine.highest,
        "longest_silence_ns": mine.longest_silence_ns,
        "slowest_answer_ns": mine.slowest_answer_ns,
        "events": dict(mine.events),
    }


def _seconds(ns: int) -> str:
    return f"{ns / NANOS:.3f}"
