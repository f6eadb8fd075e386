"""Connections of SQLAlchemy to PostgreSQL on which every statement has an end: an answer, or an error.

What lies between may take a statement and never bring the answer, as a balancer does that has lost the server behind it: TCP
is content then, and whoever waits would wait for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.abc import PQGen

from gateway.journal.connection import TimedConnection


class AnsweringConnection(TimedConnection):
    """Closed when it does not answer: that is what makes SQLAlchemy take another."""

    def wait(self, gen: PQGen[Any], *_: Any, **__: Any) -> Any:
        try:
            return super().wait(gen)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # nothing that the server said
                self.close()
            raise


def connect_with(answer_seconds: float) -> Callable[..., AnsweringConnection]:
    """What an engine calls to connect, in place of its driver's function."""

    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> AnsweringConnection:
        connection = AnsweringConnection.connect(*arguments, **options)
        connection.answer_seconds = answer_seconds
        return connection

    return connect
