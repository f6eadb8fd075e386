"""A connection to PostgreSQL that always answers in time: with a result, or with an error.

The server may hang, or vanish from the network without a word; whoever commits must hear of it in a second or two, not when
TCP gives up. The password is handed in, or comes from PGPASSWORD or ~/.pgpass; it is part of
no URL and no message.
"""

from __future__ import annotations

import select
from time import monotonic
from typing import Any, TypeAlias

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait

SCHEMA = "gateway_journal"
_LIMITS: dict[str, str | int] = {
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_EVENTS = {Wait.R: select.POLLIN, Wait.W: select.POLLOUT, Wait.RW: select.POLLIN | select.POLLOUT}


class TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """Raises OperationalError when the server has not answered within `answer_seconds`."""

    answer_seconds = 2.0

    @property
    def at_rest(self) -> bool:
        """Usable for the next statement: the last one failed by itself, not the connection."""
        return not self.closed and self.info.transaction_status == TransactionStatus.IDLE

    def wait(self, gen: PQGen[Any], *_: Any, **__: Any) -> Any:
        """Run a psycopg generator to its end, as psycopg.waiting does, but no longer than allowed."""
        end = monotonic() + self.answer_seconds
        poll = select.poll()
        try:
            wanted = next(gen)
            while True:
                poll.register(self.pgconn.socket, _EVENTS[wanted])
                found = poll.poll(max(end - monotonic(), 0) * 1000)
                if not found:
                    raise psycopg.OperationalError(f"no answer within {self.answer_seconds:g} s")
                events = found[0][1]
                bad = events & ~(select.POLLIN | select.POLLOUT)
                readable, writable = bad or events & select.POLLIN, events & select.POLLOUT
                wanted = gen.send(Ready((Ready.R if readable else 0) | (Ready.W if writable else 0)))
        except StopIteration as done:
            return done.value


Connection: TypeAlias = TimedConnection


def connect(url: str, password: str | None, application_name: str, *, answer_seconds: float) -> Connection:
    """Open one. Raises psycopg.Error."""
    info = url.replace("postgresql+psycopg://", "postgresql://", 1)
    connection = TimedConnection.connect(
        info,
        password=password,
        autocommit=True,
        application_name=application_name,
        **_LIMITS,  # type: ignore[arg-type]  # one dict for parameters of several types
    )
    connection.answer_seconds = answer_seconds
    return connection


def said(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
