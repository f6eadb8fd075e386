"""The process that writes the records: what dies with what, and that no event is missing or twice afterwards."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from gateway_process import GatewayProcess, wait_for
from postgresql import PostgresqlGateway, Server, verified
from trading import differences

from gateway.records.revision import WANTED

SHORT = str(Path(__file__).with_name("short_stop.py"))


def gone(pid: int) -> bool:
    """Ended, whether or not anybody has asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def writer_of(gateway: GatewayProcess, *, other_than: int | None = None) -> int:
    """The PID of the process that writes its records, once there is one."""

    def found() -> Any:
        records = gateway.status()["records"]
        return records["state"] == "running" and records["pid"] not in (None, other_than) and records["pid"]

    return wait_for(found, "somebody writes the records")


@contextmanager
def locked(gateway: GatewayProcess) -> Iterator[None]:
    lock = sqlite3.connect(gateway.records, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        lock.execute("ROLLBACK")
        lock.close()


def trade(gateway: GatewayProcess, venue: Any, count: int = 5) -> None:
    for _ in range(count):
        assert gateway.order(wait_seconds=60)["state"] == "Accepted"
    venue.command("house sell USD/JPY 700 110")


def test_it_is_killed_and_comes_back(make, venue):
    gateway = make(venue.port).start().ready()
    trade(gateway, venue)
    first = writer_of(gateway)
    gateway.caught_up()
    with locked(gateway):  # so that it has something to lose
        trade(gateway, venue)
        written = gateway.status()["records"]["seq"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: "ended by SIGKILL" in gateway.status()["records"]["detail"], "the status says so")
        part = gateway.status()["capabilities"]["record_writer"]
        assert part["state"] in ("degraded", "initialising"), part
        assert any("record_writer" in alarm["what"] for alarm in gateway.status()["alarms"])
        wait_for(lambda: "database is locked" in gateway.status()["records"]["detail"], "the next one is held up, too")
        assert gateway.status()["records"]["seq"] == written > 0, "what is written stays written, whoever tells of it"
        trade(gateway, venue)
    second = writer_of(gateway, other_than=first)
    assert gone(first)
    assert Path(f"/proc/{second}/cmdline").read_bytes().split(b"\0")[-3:] == [b"gateway.records", b"test", b""]
    gateway.caught_up()
    os.kill(second, signal.SIGKILL)  # and with nothing to do
    writer_of(gateway, other_than=second)
    trade(gateway, venue)
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    log = (gateway.state / "gateway.log").read_text()
    assert log.count("ended by SIGKILL; trading goes on") == 2
    assert [f"records are written by process {pid}" in log for pid in (first, second)] == [True, True]
    assert gateway.terminate() == 0


def test_what_ends_the_gateway_does_not_end_it_first(make, venue):
    """A supervisor signals every process of a service: the records of the end are written all the same."""
    gateway = make(venue.port).start().ready()
    trade(gateway, venue)
    writer = writer_of(gateway)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(writer, number)
    trade(gateway, venue)
    assert gateway.terminate() == 0
    assert gone(writer)
    assert gateway.rows("SELECT * FROM v_runs WHERE clean_stop = 1")
    assert differences(gateway, venue.ledger_path) == []


def test_it_ends_with_a_gateway_that_is_killed(make, venue):
    """Also where the database holds it; what it had begun is undone, and the next one finds the records free."""
    gateway = make(venue.port).start().ready()
    trade(gateway, venue)
    writer = writer_of(gateway)
    gateway.caught_up()
    with locked(gateway):
        trade(gateway, venue)
        gateway.kill()
        wait_for(lambda: gone(writer), "the writer's end", 5)
    gateway.start().ready()
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []


def test_it_goes_on_while_the_gateway_stands_still(make, venue):
    """What is in the journal comes to the records, and what is told of it waits until the gateway goes on."""
    gateway = make(venue.port).start().ready()
    writer = writer_of(gateway)
    gateway.caught_up()
    with locked(gateway):
        trade(gateway, venue)
        os.kill(gateway.process.pid, signal.SIGSTOP)
    try:
        gateway.wait_rows("SELECT 1 FROM v_orders WHERE state <> 'Submitted' LIMIT 1 OFFSET 4")
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)
    gateway.caught_up()
    assert writer_of(gateway) == writer
    assert differences(gateway, venue.ledger_path) == []


def test_one_that_hangs_holds_up_no_stop(make, venue):
    gateway = make(venue.port, launcher=(SHORT, "bounds")).start().ready()
    trade(gateway, venue)
    writer = writer_of(gateway)
    os.kill(writer, signal.SIGSTOP)
    trade(gateway, venue, 20)
    assert gateway.terminate(60) == 1, "not everything was done"
    assert re.search(r"records are \d+ events behind the journal.*the next start does the rest", gateway.err.read_text())
    assert gone(writer)
    gateway.start().ready()
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []


FOREVER = """
CREATE TRIGGER forever AFTER INSERT ON decisions BEGIN
  SELECT COUNT(*) FROM (WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number) SELECT i FROM number);
END
"""


def test_one_that_hangs_in_a_transaction_ends_with_its_gateway(make, venue):
    """It does not hear that the gateway is gone, and would keep the records locked for the next one."""
    gateway = make(venue.port).start().ready()
    first = writer_of(gateway)
    os.kill(first, signal.SIGKILL)  # another is started while every lock, socket and port of the gateway is open
    hangs = writer_of(gateway, other_than=first)
    files = [os.readlink(file) for file in Path(f"/proc/{hangs}/fd").iterdir()]
    assert [file for file in files if file.startswith("socket:") or file.endswith(".lock")] == []
    gateway.caught_up()
    records = sqlite3.connect(gateway.records, isolation_level=None, timeout=0)
    records.execute(FOREVER)

    def held() -> bool:
        try:
            records.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
        records.execute("ROLLBACK")
        return False

    def stopped() -> bool:
        os.kill(hangs, signal.SIGSTOP)
        if not held():
            os.kill(hangs, signal.SIGCONT)
        return held()

    trade(gateway, venue)
    wait_for(stopped, "it is stopped in a transaction")
    gateway.kill()
    wait_for(lambda: gone(hangs), "its end")
    wait_for(lambda: not held(), "what it held is free")
    records.execute("DROP TRIGGER forever")
    records.close()
    gateway.start().ready()
    trade(gateway, venue)
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    verified(gateway)


@contextmanager
def database_that_only_accepts() -> Iterator[tuple[int, list[socket.socket]]]:
    """A PostgreSQL that lets everybody in and answers no statement; its port, and who is connected."""
    guests: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                guest, _ = listener.accept()
                guests.append(guest)
                while guest.recv(1024)[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # SSLRequest, GSSENCRequest
                    guest.sendall(b"N")
                guest.sendall(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I")  # AuthenticationOk, ReadyForQuery

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], guests
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(100)
            for guest in guests:
                guest.close()


def test_a_start_waits_for_no_database_that_accepts_and_never_answers(make, venue):
    with database_that_only_accepts() as (port, guests):
        extra = f'[records]\nurl = "postgresql+psycopg://desk@127.0.0.1:{port}/records"\n'
        gateway = make(venue.port, launcher=(SHORT, "bounds"), extra=extra).start().ready()
        assert "records are away, trading goes on: they do not answer yet" in gateway.err.read_text()
        assert gateway.order(wait_seconds=60)["state"] == "Accepted"
        [first] = guests
        first.setblocking(False)
        assert first.recv(1024)[:1] == b"Q", "a statement"
        with pytest.raises(BlockingIOError):  # still being waited for, but not by the gateway
            first.recv(1024)
        assert gateway.status()["records"]["state"] == "initialising"
        assert gateway.terminate() == 1, "the records were not written"
        assert "the next start does the rest" in gateway.err.read_text()


def test_records_that_refuse_while_the_gateway_trades_are_waited_for(home, server: Server, venue):
    """Only a start refuses them. Whoever mends them stops nobody."""
    server.start()
    server.recreate()
    gateway = PostgresqlGateway(home / "g", venue.port, server)
    try:
        gateway.start().ready()
        first = writer_of(gateway)
        gateway.caught_up()
        with server.connect("records") as records:
            records.execute("UPDATE alembic_version SET version_num = 'newer'")
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: "at revision newer, which this" in gateway.status()["records"]["detail"], "it is said")
            trade(gateway, venue)
            status = gateway.status()
            assert status["records"]["state"] == "degraded"
            assert status["records"]["lag_events"] > 0
            records.execute("UPDATE alembic_version SET version_num = %s", (WANTED,))
        gateway.caught_up()
        assert differences(gateway, venue.ledger_path) == []
    finally:
        gateway.close()


def test_a_standby_looks_at_the_records_when_it_starts_and_not_when_it_takes_over(home, server: Server, venue):
    """That they cannot be used is said while another one trades; that they do not answer holds up no takeover."""
    server.start()
    server.recreate()
    pair = "\n[standby]\nenabled = true\nsilent_seconds = 6\n"
    active, standby = (PostgresqlGateway(home / name, venue.port, server, extra=pair, heartbeat=2) for name in "ab")
    try:
        active.start().ready()
        with server.connect("records") as records:
            records.execute("UPDATE alembic_version SET version_num = 'newer'")
            standby.start()
            assert standby.ended() == 6
            assert "at revision newer, which this build does not know" in standby.err.read_text()
        trade(active, venue)
        with server.connect("records") as records:
            records.execute("UPDATE alembic_version SET version_num = %s", (WANTED,))
            standby.start()
            wait_for(lambda: standby.status().get("role") == "standby" and standby.status()["journal"]["seq"], "it follows")
            with records.transaction():
                records.execute("LOCK alembic_version IN ACCESS EXCLUSIVE MODE")
                active.kill()
                standby.ready()
                trade(standby, venue)
                assert standby.status()["records"]["lag_events"] > 0
        log = (standby.state / "gateway.log").read_text()
        assert "records are away" not in log, "nobody asked for them before the logon"
        standby.caught_up()
        assert differences(standby, venue.ledger_path) == []
    finally:
        active.close()
        standby.close()
