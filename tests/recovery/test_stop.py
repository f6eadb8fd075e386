"""SIGTERM while something does not answer: each part of a stop has its bound, and the next start does what was not done."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from counterparty import Counterparty
from gateway_process import wait_for
from postgresql import verified
from stuck import stuck_strategy

ROUNDS = 6
STOPPED_BY_IMPORT = """
import os, signal, sys

class Stop:
    def find_spec(self, name, *_):
        if name == "gateway.bootstrap.process":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Stop())
from gateway.cli.main import main
main()
"""
"""SIGTERM in the first moment of the second that imports take."""
SHORT = str(Path(__file__).with_name("short_stop.py"))


@pytest.fixture
def silent():
    """A venue that answers what the test says and nothing else."""
    counterparty = Counterparty()
    yield counterparty
    counterparty.close()


def test_neither_the_venue_nor_the_records_answer(make, silent):
    """The cancels leave and are waited for; then the session logs out, and the records are left behind."""
    gateway = make(silent.port, venue_extra="cancel_on_disconnect = true", launcher=(SHORT,)).start().ready()
    order_id = gateway.order()["order_id"]
    silent.report(silent.wait("D"), "0", "0")
    gateway.wait_state(order_id, "Accepted")
    gateway.caught_up()
    lock = sqlite3.connect(gateway.records, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        assert gateway.terminate(60) == 1, "not everything was done"
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert silent.wait("F")[41] == silent.of_type("D")[0][11]
    assert silent.wait("5")
    assert len(gateway.journal("run_stopped")) == 1
    gateway.start()
    wait_for(lambda: gateway.rows("SELECT * FROM v_runs WHERE clean_stop = 1"), "the records know of the end")
    gateway.kill()
    verified(gateway)


def test_a_strategy_does_not_come_back(home, make, venue, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(home))
    file = home / "stuck"
    gateway = make(venue.port, market_data=["USD/JPY"], extra=stuck_strategy(home, file), launcher=(SHORT,)).start().ready()
    file.touch()
    venue.command("tick")
    wait_for(lambda: gateway.status()["stops"], "seen to be stuck")
    assert gateway.terminate(60) == 1
    assert gateway.journal("run_stopped") == []
    assert "not everything was done in time" in gateway.err.read_text()


def test_what_hangs_outside_of_all_bounds_ends_with_the_last_one(make, venue):
    gateway = make(venue.port, launcher=(SHORT, "hang")).start().ready()
    assert gateway.terminate(60) == 1
    assert "not stopped within 1 s" in gateway.err.read_text()
    assert len(gateway.journal("run_stopped")) == 1


def test_a_stop_while_the_gateway_is_being_imported(make, venue):
    gateway = make(venue.port)
    command = [sys.executable, "-c", STOPPED_BY_IMPORT, "run", str(gateway.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "ready" not in done.stdout
    assert len(gateway.journal("run_started")) == len(gateway.journal("run_stopped"))


def test_a_stop_at_any_moment_of_a_start(make, venue):
    """It is heard, whatever is going on: the run has not begun, or it ends in order. Who asks again changes nothing."""
    random = Random(7)
    gateway = make(venue.port, market_data=["USD/JPY"]).start().ready()
    gateway.order("sell", "1000", "111")
    gateway.kill()
    for _ in range(ROUNDS):
        gateway.start().listening()
        time.sleep(random.uniform(0, 0.6))  # not a wait for anything: the moment is the random variable
        gateway.process.terminate()
        time.sleep(random.uniform(0, 0.2))
        assert gateway.terminate() == 0, gateway.err.read_text()
        assert "Traceback" not in gateway.err.read_text()
    assert len(gateway.journal("run_started")) == len(gateway.journal("run_stopped")) + 1
    gateway.start().ready()
    assert gateway.terminate() == 0
    verified(gateway)
