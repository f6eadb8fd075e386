"""A line protocol to do things to a running venue: one command, one line of answer beginning with `ok` or `error`.

Exists for people and tests that want a fault now. It must not hold logic: each command is one call of the venue or of a
session.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from gateway.sim import interventions
from gateway.sim.acceptor import Sessions, VenueApplication
from gateway.sim.book import Side
from gateway.sim.exchange import Exchange
from gateway.sim.faults import COUNTED
from gateway.sim.messages import Answer
from gateway.sim.settings import decimal_of
from gateway.sim.venue import Venue
from gateway.wording import counted

SECOND = 1_000_000_000
log = logging.getLogger("gateway.sim")


class Console:
    """The commands; their signatures are in `help`."""

    def __init__(self, venue: Venue, application: VenueApplication, sessions: Sessions) -> None:
        self._venue = venue
        self._application = application
        self._sessions = sessions
        self._commands: dict[str, tuple[str, Callable[..., str]]] = {
            "help": ("", self._help),
            "orders": ("", self._orders),
            "sessions": ("", self._list_sessions),
            "book": ("SYMBOL", self._book),
            "tick": ("", self._tick),
            "house": ("buy|sell SYMBOL QTY [PRICE]", self._house),
            "fault": (f"clear | {'|'.join(COUNTED)} COUNT [SECONDS]", self._fault),
            "reject-next": ("COUNT", self._reject_next),
            "cancel": ("ORDERID", self._cancel),
            "bust": ("EXECID", self._bust),
            "correct": ("EXECID QTY PRICE", self._correct),
            "end-day": ("", self._end_day),
            "book-position": ("ACCOUNT SYMBOL QTY", self._book_position),
            "disconnect": ("SESSION", self._disconnect),
            "jump-sequence": ("SESSION COUNT", self._jump_sequence),
            "refuse-logon": ("on|off", self._refuse_logon),
            "gap-fill-resends": ("on|off", self._gap_fill_resends),
            "silent-resends": ("on|off", self._silent_resends),
        }

    def execute(self, line: str) -> str:
        """The answer to one line; both are in the venue's log."""
        answer = self._execute(line)
        log.info("console: %s: %s", line.strip(), answer.partition(" ")[0] if answer.startswith("ok") else answer)
        return answer

    def _execute(self, line: str) -> str:
        name, *arguments = line.split()
        if name not in self._commands:
            return f"error unknown command {name}; try help"
        usage, command = self._commands[name]
        try:
            return f"ok {command(*arguments)}".rstrip()
        except TypeError:
            return f"error usage: {name} {usage}".rstrip()
        except (KeyError, ValueError) as error:
            return f"error {name}: {error}; usage: {name} {usage}".rstrip()
        except interventions.Refused as error:
            return f"error {name}: {error}"

    def _help(self) -> str:
        return "; ".join(f"{name} {usage}".rstrip() for name, (usage, _) in self._commands.items())

    def _orders(self) -> str:
        def read(exchange: Exchange, _now_ns: int) -> list[Answer]:
            rows.extend(
                {
                    "order_id": order.order_id,
                    "session": order.session,
                    "cl_ord_id": order.cl_ord_id,
                    "symbol": order.terms.symbol,
                    "side": order.terms.side,
                    "status": order.status,
                    "price": None if order.price is None else format(order.price, "f"),
                    "cum_qty": format(order.cum_qty, "f"),
                    "leaves_qty": format(order.open_qty, "f"),
                }
                for order in exchange.orders.values()
                if order.is_open
            )
            return []

        rows: list[dict[str, str | None]] = []
        self._venue.intervene(read)
        return json.dumps(rows)

    def _list_sessions(self) -> str:
        states = {name: "up" if self._sessions.find(name).isLoggedOn() else "down" for name in self._sessions.names()}
        return json.dumps(states)

    def _book(self, symbol: str) -> str:
        def read(exchange: Exchange, _now_ns: int) -> list[Answer]:
            for side, name in ((Side.BUY, "bids"), (Side.SELL, "offers")):
                levels = exchange.books[symbol].levels(side)
                sides[name] = [[format(price, "f"), format(size, "f")] for price, size in levels]
            return []

        sides: dict[str, list[list[str]]] = {}
        self._venue.intervene(read)
        return json.dumps(sides)

    def _tick(self) -> str:
        self._venue.tick()
        return ""

    def _house(self, side: str, symbol: str, quantity: str, price: str | None = None) -> str:
        sides = {"buy": Side.BUY, "sell": Side.SELL}
        limit = None if price is None else decimal_of(price)
        count = self._venue.intervene(
            lambda exchange, now_ns: exchange.house(symbol, sides[side], limit, decimal_of(quantity), now_ns)[1]
        )
        self._venue.publish()
        return f"{counted(report=count)}"

    def _fault(self, name: str, count: str = "", seconds: str = "1") -> str:
        if name == "clear":
            self._venue.disarm()
        else:
            self._venue.arm(name, _count(count), int(decimal_of(seconds) * SECOND))
        return name

    def _reject_next(self, count: str) -> str:
        def arm(exchange: Exchange, _now_ns: int) -> list[Answer]:
            exchange.reject_next = _count(count)
            return []

        self._venue.intervene(arm)
        return count

    def _cancel(self, order_id: str) -> str:
        count = self._venue.intervene(lambda exchange, now_ns: interventions.cancel(exchange, order_id, now_ns))
        return f"{counted(report=count)}"

    def _bust(self, exec_id: str) -> str:
        count = self._venue.intervene(lambda exchange, now_ns: interventions.bust(exchange, exec_id, now_ns))
        return f"{counted(report=count)}"

    def _correct(self, exec_id: str, quantity: str, price: str) -> str:
        terms = decimal_of(quantity), decimal_of(price)
        count = self._venue.intervene(lambda exchange, now_ns: interventions.correct(exchange, exec_id, *terms, now_ns))
        return f"{counted(report=count)}"

    def _book_position(self, account: str, symbol: str, quantity: str) -> str:
        def book(exchange: Exchange, _now_ns: int) -> list[Answer]:
            exchange.booked[account, symbol] += decimal_of(quantity)
            return []

        self._venue.intervene(book)
        return quantity

    def _end_day(self) -> str:
        return f"{counted(report=self._venue.intervene(interventions.end_day))}"

    def _disconnect(self, session: str) -> str:
        self._sessions.find(session).disconnect()
        return session

    def _jump_sequence(self, session: str, count: str) -> str:
        found = self._sessions.find(session)
        number = found.getExpectedSenderNum() + _count(count)
        found.setNextSenderMsgSeqNum(number)
        return f"{session} sends {number} next"

    def _refuse_logon(self, switch: str) -> str:
        self._application.refuse_logon = _switch(switch)
        return switch

    def _gap_fill_resends(self, switch: str) -> str:
        self._application.gap_fill_resends = _switch(switch)
        return switch

    def _silent_resends(self, switch: str) -> str:
        self._application.silent_resends = _switch(switch)
        return switch


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text or 'nothing'} is not a count")
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{text} is neither on nor off")
    return text == "on"
