"""From a request to its first answer, by the log's own clock where both have one, else by SendingTime(52) of the two sides.

A request is a NewOrderSingle(D), OrderCancelReplaceRequest(G) or OrderCancelRequest(F); its first answer is the first
ExecutionReport(8) or OrderCancelReject(9) under its ClOrdID(11), or the Reject(3) or BusinessMessageReject(j) that refers to
its MsgSeqNum(34). Memory is bounded: latencies are counted at three significant
digits, of open requests the latest are kept.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.fix import tags
from gateway.fixlogs.header import field as field_of
from gateway.fixlogs.reader import LogMessage

REQUESTS: Final = {"D": "new", "G": "replace", "F": "cancel"}
ANSWERS: Final = frozenset("89")
REFUSALS: Final = frozenset("3j")
PERCENTILES: Final = (50, 90, 99, 99.9)
_OPEN = 100_000
_RECENT = 20_000
_DIGITS = 18


@dataclass(slots=True)
class _Kind:
    requests: int = 0
    answered: int = 0
    dropped: int = 0
    backwards: int = 0
    """Answers before their request: two clocks that disagree."""
    shortest: int = 0
    longest: int = 0
    total: int = 0
    counts: Counter[int] = field(default_factory=Counter)


class Latencies:
    """Measures as messages go by. `worst`: how many of the slowest are kept."""

    def __init__(self, worst: int = 10) -> None:
        self._worst = worst
        self._kinds = {name: _Kind() for name in REQUESTS.values()}
        self._open: dict[tuple[frozenset[str], bytes], tuple[str, int | None, int | None, int | None, str, str]] = {}
        self._numbers: dict[tuple[str, str, int], bytes] = {}
        """Sender, target and MsgSeqNum(34) of the latest requests -> ClOrdID(11)."""
        self._slowest: list[tuple[int, int, dict[str, Any]]] = []
        self._clocks: Counter[str] = Counter()
        self._serial = 0

    def add(self, message: LogMessage) -> None:
        """The next message, in the order of the log."""
        kind = message.msg_type
        if kind in REQUESTS:
            self._request(REQUESTS[kind], message)
        elif kind in ANSWERS:
            self._answer(message, field_of(message.body, b"11"))
        elif kind in REFUSALS:
            number = field_of(message.body, b"45")
            name = self._numbers.get((message.target, message.sender, int(number))) if _is_number(number) else None
            if name is not None:
                self._answer(message, name)

    def _request(self, name: str, message: LogMessage) -> None:
        if b"\x0143=Y" in message.body:
            return
        self._kinds[name].requests += 1
        symbol = field_of(message.body, b"55").decode("utf-8", "replace")
        key = (frozenset((message.sender, message.target)), field_of(message.body, b"11"))
        if len(self._open) >= _OPEN:
            oldest = next(iter(self._open))
            self._kinds[self._open.pop(oldest)[0]].dropped += 1
        if message.msg_seq_num is not None:
            if len(self._numbers) >= _RECENT:
                del self._numbers[next(iter(self._numbers))]
            self._numbers[message.sender, message.target, message.msg_seq_num] = key[1]
        self._open[key] = (name, message.logged_ns, message.sent_ns, message.msg_seq_num, symbol, message.log.name)

    def _answer(self, message: LogMessage, name: bytes) -> None:
        found = self._open.pop((frozenset((message.sender, message.target)), name), None)
        if found is None:
            return
        request, logged, sent, number, symbol, where = found
        if logged is not None and message.logged_ns is not None and where == message.log.name:
            clock, began, took = "log", logged, message.logged_ns - logged
        elif sent is not None and message.sent_ns is not None:
            clock, began, took = "SendingTime(52)", sent, message.sent_ns - sent
        else:
            return
        self._clocks[clock] += 1
        kind = self._kinds[request]
        kind.answered += 1
        if took < 0:
            kind.backwards += 1
            return
        kind.shortest = took if not kind.counts else min(kind.shortest, took)
        kind.longest = max(kind.longest, took)
        kind.total += took
        kind.counts[_rounded(took)] += 1
        if self._worst:
            self._serial += 1
            row = {
                "request": request, "cl_ord_id": name.decode("utf-8", "replace"), "symbol": symbol, "time_ns": began,
                "msg_seq_num": number, "latency_ns": took, "answer": message.msg_type,
                "ord_status": field_of(message.body, b"%d" % tags.ORD_STATUS).decode("latin-1"), "clock": clock,
            }  # fmt: skip
            heapq.heappush(self._slowest, (took, -self._serial, row))
            if len(self._slowest) > self._worst:
                heapq.heappop(self._slowest)

    def result(self) -> dict[str, Any]:
        """By kind of request: counts and latencies in nanoseconds, percentiles to three digits; and the worst cases."""
        waiting = Counter(entry[0] for entry in self._open.values())
        kinds = []
        for name, kind in self._kinds.items():
            measured = kind.counts.total()
            kinds.append(
                {
                    "request": name,
                    "requests": kind.requests,
                    "answered": kind.answered,
                    "unanswered": waiting[name] + kind.dropped,
                    "answered_before_sent": kind.backwards,
                    "min_ns": kind.shortest if measured else None,
                    "mean_ns": kind.total // measured if measured else None,
                    **{f"p{share:g}_ns": _between(kind, percentile(kind.counts, share)) for share in PERCENTILES},
                    "max_ns": kind.longest if measured else None,
                }
            )
        worst = [row for _, _, row in sorted(self._slowest, key=lambda entry: (-entry[0], -entry[1]))]
        return {"clocks": dict(self._clocks), "requests": kinds, "worst": worst}


def percentile(counts: Counter[int], share: float) -> int | None:
    """The smallest value that at least `share` percent of all do not exceed (nearest rank); None of nothing."""
    wanted = -(-counts.total() * round(share * 10) // 1000)
    for value in sorted(counts):
        wanted -= counts[value]
        if wanted <= 0:
            return value
    return None


def _between(kind: _Kind, value: int | None) -> int | None:
    """Not beyond what was measured, to which it was rounded."""
    return None if value is None else min(max(value, kind.shortest), kind.longest)


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _DIGITS


def _rounded(ns: int) -> int:
    """Three significant digits, so that the number of different latencies is bounded."""
    unit = int("1".ljust(len(str(ns)) - 2, "0"))
    return (ns + unit // 2) // unit * unit
