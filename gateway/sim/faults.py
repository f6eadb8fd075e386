"""Faults on purpose, applied to reports on their way out.

Exists so that a gateway meets on a quiet afternoon what venues do on bad days. A fault is armed for the next so many
ExecutionReports that are not status answers. Pure: it takes the time and says what is to be sent now; it must not change
what the exchange believes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from gateway.sim.messages import Answer, ExecType, Report

COUNTED = ("drop", "delay", "duplicate", "reorder", "fill-before-ack")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer to be handled now; `fault` is the ledger's mark, and `drop` means that it is recorded but not sent."""

    answer: Answer
    fault: str = ""


class Faults:
    """The faults armed at present, and the reports they hold back."""

    def __init__(self) -> None:
        self.armed = dict.fromkeys(COUNTED, 0)
        self._delay_ns = 0
        self._delayed: list[tuple[int, Outgoing]] = []
        self._reordering: list[Outgoing] = []
        self._acks: dict[str, Outgoing] = {}

    def arm(self, name: str, count: int, delay_ns: int = 0) -> None:
        """Apply the fault to the next `count` reports. Raises KeyError for a name that is not in COUNTED."""
        if name not in self.armed:
            raise KeyError(name)
        self.armed[name] = count
        if name == "delay":
            self._delay_ns = delay_ns

    def clear(self) -> list[Outgoing]:
        """Disarm everything; what was held back is to be sent now."""
        self.armed = dict.fromkeys(COUNTED, 0)
        held = [out for _, out in self._delayed] + self._reordering + list(self._acks.values())
        self._delayed, self._reordering, self._acks = [], [], {}
        return held

    def apply(self, answers: list[Answer], now_ns: int) -> list[Outgoing]:
        """What is to be sent now, in order."""
        if not any(self.armed.values()) and not self._acks and not self._reordering:
            return [Outgoing(answer) for answer in answers]
        return [out for answer in answers for out in self._apply_one(answer, now_ns)]

    def due(self, now_ns: int) -> list[Outgoing]:
        """Delayed reports whose time has come."""
        if not self._delayed:
            return []
        ready = [out for at, out in self._delayed if at <= now_ns]
        self._delayed = [held for held in self._delayed if held[0] > now_ns]
        return ready

    def _apply_one(self, answer: Answer, now_ns: int) -> list[Outgoing]:
        out = Outgoing(answer)
        if not isinstance(answer, Report) or answer.exec_type == ExecType.ORDER_STATUS:
            return [out]
        if self._take("drop"):
            return [dataclasses.replace(out, fault="drop")]
        if self._take("delay"):
            self._delayed.append((now_ns + self._delay_ns, out))
            return []
        if self._take("duplicate"):
            return [out, Outgoing(answer, "duplicate")]
        if self.armed["reorder"]:
            return self._reorder(out)
        return self._ack_after_fill(answer, out)

    def _reorder(self, out: Outgoing) -> list[Outgoing]:
        """Hold back the armed number of reports, then send them last first."""
        self._reordering.append(out)
        if not self._take("reorder") or self.armed["reorder"]:
            return []
        released, self._reordering = self._reordering[::-1], []
        return released

    def _ack_after_fill(self, report: Report, out: Outgoing) -> list[Outgoing]:
        """Hold back the acknowledgement of an order until the next report about it has gone."""
        if report.exec_type == ExecType.NEW and self._take("fill-before-ack"):
            self._acks[report.order_id] = out
            return []
        ack = self._acks.pop(report.order_id, None)
        return [out] if ack is None else [out, ack]

    def _take(self, name: str) -> bool:
        if self.armed[name] <= 0:
            return False
        self.armed[name] -= 1
        return True
