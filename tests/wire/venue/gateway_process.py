"""A gateway as a process of its own, as an operator runs it: configuration in, control socket, SQL views and signals out."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from forked import Process

from gateway.control.client import ControlClient
from gateway.errors import GatewayError

T = TypeVar("T")
DEADLINE = 100.0
_numbers = itertools.count(1)

CONFIG = """
[gateway]
name = "test"
state_dir = "var"
[control]
socket = "c.sock"
[telemetry]
metrics_port = {metrics_port}
[risk]
max_order_quantity = "1000000"
max_order_value = "500000000"
price_collar_pct = "20"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1"
currency = "JPY"
reference_price = "110"
[[venues]]
name = "SIM"
dialect = "{dialect}"
host = "127.0.0.1"
port = {port}
sender_comp_id = "DESK"
target_comp_id = "SIM"
heartbeat_seconds = {heartbeat}
reconnect_seconds = 1
ack_timeout_seconds = {ack_timeout}
market_data = {market_data}
{venue_extra}
{extra}
"""


def wait_for(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """What `condition` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {found!r}")
        time.sleep(0.01)


class GatewayProcess:
    """One instance directory, and at most one process in it at a time."""

    def __init__(
        self,
        home: Path,
        port: int,
        *,
        market_data: Sequence[str] = (),
        dialect: str = "generic-fix44",
        ack_timeout: int = 5,
        heartbeat: int = 30,
        metrics_port: int = 0,
        venue_extra: str = "",
        extra: str = "",
        environment: Mapping[str, str] | None = None,
        launcher: Sequence[str] = ("-m", "gateway", "run"),
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.config = home / "gateway.toml"
        self.config.write_text(
            CONFIG.format(
                port=port,
                market_data=json.dumps(list(market_data)),
                dialect=dialect,
                ack_timeout=ack_timeout,
                heartbeat=heartbeat,
                metrics_port=metrics_port,
                venue_extra=venue_extra,
                extra=extra,
            )
        )
        self.state = home / "var"
        self.records = self.state / "records.db"
        self.launcher = tuple(launcher)
        self.client = ControlClient(home / "c.sock", timeout=DEADLINE)
        self.process: Process | None = None
        self._environment = {**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"}

    # ------------------------------------------------------------------------------------------------------- process

    def start(self) -> GatewayProcess:
        assert self.process is None or self.process.poll() is not None
        self.out = self.home / f"stdout-{next(_numbers)}"
        self.err = self.out.with_name(self.out.name.replace("stdout", "stderr"))
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = Process([*self.launcher, str(self.config)], out, err, self._environment)
        return self

    def ready(self, seconds: float = DEADLINE) -> GatewayProcess:
        """Until the process has said `ready`."""
        wait_for(lambda: self._alive() and "ready" in self.out.read_text(), f"ready; {self.home}", seconds)
        return self

    def said_ready(self) -> bool:
        return "ready" in self.out.read_text()

    def answering(self, seconds: float = DEADLINE) -> GatewayProcess:
        """Until the control surface answers for a run."""
        wait_for(lambda: self._alive() and self.status().get("role") == "active", f"control surface; {self.home}", seconds)
        return self

    def _alive(self) -> bool:
        assert self.process is not None
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"the gateway ended with {code}: {self.err.read_text()[-2000:]}")
        return True

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE)

    def ended(self, seconds: float = DEADLINE) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def terminate(self, seconds: float = DEADLINE) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ended(seconds)

    def listening(self) -> GatewayProcess:
        """Until SIGTERM is kept or handled: before that it is the interpreter's, and nothing of ours has begun."""
        wait_for(lambda: not self._alive() or self._hears(), "SIGTERM is heard")
        return self

    def _hears(self) -> bool:
        assert self.process is not None
        lines = dict(line.split(":\t") for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return bool((int(lines["SigBlk"], 16) | int(lines["SigCgt"], 16)) & 1 << signal.SIGTERM - 1)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    # ------------------------------------------------------------------------------------------------------- control

    def status(self) -> dict[str, Any]:
        """{} while nobody answers."""
        try:
            document: dict[str, Any] = self.client.get("/status")
        except GatewayError:
            return {}
        return document

    def venue(self) -> dict[str, Any]:
        found = self.status().get("venues") or [{"opened": False, "reason": "", "state": ""}]
        return dict(found[0])

    def wait_open(self, seconds: float = DEADLINE) -> None:
        wait_for(lambda: self.venue()["opened"], "venue open", seconds)

    def wait_venue(self, text: str, seconds: float = DEADLINE) -> dict[str, Any]:
        """Until the reason of the closed venue contains `text`."""
        return wait_for(lambda: (v := self.venue()) and not v["opened"] and text in v["reason"] and v, text, seconds)

    def order(self, side: str = "buy", quantity: str = "1000", price: str | None = "110", **more: Any) -> dict[str, Any]:
        body = {"request_id": f"r{next(_numbers)}-{os.getpid()}-{time.monotonic_ns()}", "venue": "SIM", "symbol": "USD/JPY"}
        body |= {"side": side, "quantity": quantity, **more}
        if price is not None:
            body["price"] = price
        answer: dict[str, Any] = self.client.post("/orders", body)
        return answer

    def replace(self, order_id: str, **terms: Any) -> dict[str, Any]:
        body = {"request_id": f"x{next(_numbers)}-{time.monotonic_ns()}", **terms}
        answer: dict[str, Any] = self.client.post(f"/orders/{order_id}/replace", body)
        return answer

    def cancel(self, order_id: str, **more: Any) -> dict[str, Any]:
        body = {"request_id": f"c{next(_numbers)}-{time.monotonic_ns()}", **more}
        answer: dict[str, Any] = self.client.post(f"/orders/{order_id}/cancel", body)
        return answer

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.post(path, {"request_id": f"p{next(_numbers)}-{time.monotonic_ns()}", **body})
        return answer

    # ----------------------------------------------------------------------------------------------------------- SQL

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the records; none while there is no database yet."""
        if not self.records.exists():
            return []
        connection = sqlite3.connect(f"file:{self.records}?mode=ro", uri=True, timeout=DEADLINE)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "locked" in str(error):
                return []
            raise
        finally:
            connection.close()

    def wait_rows(self, sql: str, *values: object, seconds: float = DEADLINE) -> list[dict[str, Any]]:
        """Until the query has rows."""
        return wait_for(lambda: self.rows(sql, *values), f"{sql} {values}", seconds)

    def wait_state(self, order_id: str, state: str, in_doubt: bool = False, seconds: float = DEADLINE) -> dict[str, Any]:
        sql = "SELECT * FROM v_orders WHERE order_id = ?"

        def found() -> dict[str, Any] | None:
            rows = self.rows(sql, order_id)
            return rows[0] if rows and rows[0]["state"] == state and bool(rows[0]["in_doubt"]) is in_doubt else None

        try:
            return wait_for(found, f"order {order_id} {state}", seconds)  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.rows(sql, order_id)}") from None

    def wait_orders(self, **counts: int) -> None:
        """Until the status has these numbers of orders: open, pending, awaiting, in_doubt."""
        wait_for(lambda: counts.items() <= self.status().get("orders", {}).items(), f"orders {counts}")

    def caught_up(self) -> None:
        """Until the records hold everything committed at this moment."""
        seq = self.status()["seq"]
        wait_for(lambda: self.status()["records"]["seq"] >= seq, f"records at {seq}")

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of journalled events of a kind, in order."""
        connection = sqlite3.connect(f"file:{self.state / 'journal.db'}?mode=ro", uri=True, timeout=DEADLINE)
        try:
            rows = connection.execute("SELECT body FROM event WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
        finally:
            connection.close()
        return [json.loads(body) for (body,) in rows]

    def watermark(self) -> int:
        connection = sqlite3.connect(f"file:{self.state / 'journal.db'}?mode=ro", uri=True, timeout=DEADLINE)
        try:
            return int(connection.execute("SELECT msg_seq_num FROM watermark").fetchone()[0])
        finally:
            connection.close()


@contextmanager
def locked(gateway: GatewayProcess) -> Iterator[None]:
    """Somebody holds the journal's lock for writing: every commit fails."""
    connection = sqlite3.connect(gateway.state / "journal.db", isolation_level=None, timeout=100)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
