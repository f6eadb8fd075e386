"""A live gateway that finds itself in the wrong, and a strategy that does not come back."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gateway_process import GatewayProcess, wait_for

from gateway.cli.main import root
from gateway.errors import PreconditionFailed, UnknownOutcome
from gateway.sim.process import VenueProcess

HERE = Path(__file__).parent


def not_ready(gateway: GatewayProcess) -> str:
    """What /readyz says, "" once all is well."""
    port = gateway.status().get("metrics_port", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=100):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode()


def the_book_is_here(gateway: GatewayProcess) -> None:
    """The next time that the strategy is asked is about a book that moved, not about the one it begins with."""
    wait_for(lambda: gateway.status()["feeds"][0]["bid"], "a book")


def alarms(gateway: GatewayProcess) -> dict[str, str]:
    return {alarm["what"]: alarm["severity"] for alarm in gateway.status()["alarms"]}


def hanging(path: Path) -> int:
    """A file whose one reader so far waits until something is written to what is returned; nobody else finds it."""
    made = path.with_name("pipe")
    os.mkfifo(made)
    made.rename(path)

    def read() -> int | None:
        with contextlib.suppress(OSError):  # ENXIO: nobody reads yet
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return None

    writer: int = wait_for(read, "somebody reads")
    path.unlink()
    return writer


def launched(make: Callable[..., GatewayProcess], venue: VenueProcess, defect: str) -> GatewayProcess:
    return make(venue.port, launcher=(str(HERE / "defect_launcher.py"), defect))


@pytest.mark.slow
def test_broken_invariant_halts_dispatch_and_nothing_else(make: Callable[..., GatewayProcess], venue: VenueProcess) -> None:
    gateway = launched(make, venue, "exposure").start().ready()
    resting = gateway.order("buy", "1000", "109")["order_id"]
    gateway.wait_state(resting, "Accepted")
    # The order with which it breaks was decided in the step that finds it: it does not leave either.
    broken = gateway.order("buy", "666", "108")["order_id"]
    assert gateway.wait_state(broken, "Rejected")["reason"].startswith("not_sent: stopped for all: invariant exposure_covers")
    assert gateway.journal("invariant_broken")[0]["invariant"] == "exposure_covers"
    said = not_ready(gateway)
    assert "dispatch halted: invariant exposure_covers is broken" in said
    assert "critical" in [severity for what, severity in alarms(gateway).items() if "exposure_covers" in what]
    runtime = gateway.status()["capabilities"]["runtime"]
    assert (runtime["state"], "exposure_covers" in runtime["detail"]) == ("degraded", True)
    wait_for(lambda: "invariant exposure_covers is broken" in gateway.err.read_text(), "the log says so")
    assert gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = 'invariant_broken'")
    assert gateway.order("buy", "1000", "109")["stage"] == "denied"
    # What is received counts, and a cancel goes.
    gateway.cancel(resting)
    gateway.wait_state(resting, "Cancelled")
    # It is so after a restart, without the defect, until somebody says otherwise.
    gateway.kill()
    gateway.launcher = ("-m", "gateway", "run")
    gateway.start().ready()
    assert "exposure_covers" in not_ready(gateway)
    assert gateway.order("buy", "1000", "109")["stage"] == "denied"
    gateway.post("/trading", scope="all", state="enabled", reason="looked at")
    assert not_ready(gateway) == ""
    assert gateway.status()["stops"] == {}
    again = gateway.order("buy", "1000", "109")["order_id"]
    gateway.wait_state(again, "Accepted")


@pytest.mark.slow
def test_falling_watermark_is_found_by_the_shell(make: Callable[..., GatewayProcess], venue: VenueProcess) -> None:
    gateway = launched(make, venue, "watermark").start().ready()
    for _ in range(8):
        order = gateway.order("buy", "1000", "109")
        if order["stage"] == "denied":
            break
        gateway.wait_state(order["order_id"], "Accepted")
    wait_for(lambda: gateway.journal("invariant_broken"), "the fall is noticed")
    assert gateway.journal("invariant_broken")[0]["invariant"] == "watermark_rises"
    assert "watermark_rises" in not_ready(gateway)


@pytest.mark.slow
def test_a_runtime_that_ended_answers_at_once_and_can_be_stopped(
    make: Callable[..., GatewayProcess], venue: VenueProcess
) -> None:
    gateway = launched(make, venue, "thread").start().ready()
    with pytest.raises(UnknownOutcome, match="ended by ZeroDivisionError: a defect, while it worked on this request"):
        gateway.order("buy", "666", "108")
    with pytest.raises(PreconditionFailed, match="nothing was done: the runtime thread ended by ZeroDivisionError: a defect"):
        gateway.order("buy", "1000", "108")
    killed = gateway.post("/kill", scope="all", reason="drill")
    assert ("the gate is closed" in killed["detail"], killed["engaged"]) == (True, {"all": "drill"})
    assert (gateway.state / "kill.json").exists()
    assert "stopping, although nothing was done" in gateway.post("/stop", reason="defect")["detail"]
    assert gateway.ended() == 1


@pytest.mark.slow
def test_strategy_that_overruns(make: Callable[..., GatewayProcess], venue: VenueProcess, home: Path) -> None:
    hold = home / "hold"
    strategy = f"""[[strategies]]
name = "slow"
class = "slow_strategy:Slow"
instruments = ["USD/JPY"]
params = {{ hold = "{hold}" }}"""
    found = {"PYTHONPATH": str(HERE)}
    gateway = make(venue.port, market_data=["USD/JPY"], extra=strategy, environment=found).start().ready()
    the_book_is_here(gateway)
    hangs = hanging(gateway.state / "kill.json")
    hold.touch()
    first = gateway.order("sell", "500", "111")["order_id"]  # the book moves, and the strategy is asked about that

    def stopped() -> dict[str, Any]:
        return dict(gateway.status().get("stops") or {})

    wait_for(lambda: "stuck" in stopped(), "the gate is closed for everybody, also while the kill file's disk hangs")
    os.write(hangs, b"{}")
    os.close(hangs)
    assert stopped()["strategy:slow"] == "strategy:slow: strategy slow overruns"
    assert "strategy slow overruns" in not_ready(gateway)
    hold.unlink()
    wait_for(lambda: set(stopped()) == {"strategy:slow"}, "it came back: the others go on")
    assert gateway.journal("strategy_overran")[0]["strategy"] == "slow"
    assert gateway.journal("strategy_disabled")[0]["reason"].startswith("overran")
    failed = gateway.wait_rows("SELECT * FROM v_orders WHERE strategy = 'slow' AND state = 'Rejected'")[0]
    assert "strategy slow overruns" in failed["reason"]
    gateway.wait_state(first, "Accepted")
    assert gateway.wait_state(gateway.order("sell", "500", "112")["order_id"], "Accepted")["strategy"] == "desk"
    assert gateway.status()["strategies"][0]["state"] == "disabled"
    gateway.post("/trading", scope="strategy:slow", state="enabled", reason="mended")
    assert stopped() == {}
    assert gateway.status()["strategies"][0]["state"] == "enabled"


@pytest.mark.slow
def test_strategy_that_never_returns_starts_disabled(
    make: Callable[..., GatewayProcess], venue: VenueProcess, home: Path
) -> None:
    """The journal never learns of it from the process it holds; the next one must not be held, too."""
    hold = home / "hold"
    strategy = f"""[[strategies]]
name = "slow"
class = "slow_strategy:Slow"
instruments = ["USD/JPY"]
params = {{ hold = "{hold}" }}"""
    gateway = make(venue.port, market_data=["USD/JPY"], extra=strategy, environment={"PYTHONPATH": str(HERE)}).start().ready()
    the_book_is_here(gateway)
    hold.touch()
    gateway.order("sell", "500", "111")  # the book moves, and the strategy is asked about that
    wait_for(lambda: "stuck" in dict(gateway.status().get("stops") or {}), "the gate is closed for everybody")
    gateway.kill()
    gateway.start().ready()
    assert gateway.status()["strategies"][0]["state"] == "disabled"
    assert gateway.journal("strategy_overran")[0]["strategy"] == "slow"
    assert gateway.wait_state(gateway.order("sell", "500", "112")["order_id"], "Accepted")["strategy"] == "desk"
    assert not (gateway.state / "overran.json").exists()


@pytest.mark.slow
def test_decisions_do_not_hang_on_threads_or_garbage(make: Callable[..., GatewayProcess], venue: VenueProcess) -> None:
    """Every decision of a live run under disturbance is made again in a quiet process, and every digest compared."""
    maker = """[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]"""
    launcher = (str(HERE / "defect_launcher.py"), "disturbed")
    gateway = make(venue.port, market_data=["USD/JPY"], extra=maker, launcher=launcher).start().ready()
    for number in range(30):
        side, price = (("buy", "110.2"), ("sell", "109.8"))[number % 2]
        gateway.order(side, "700", price)
    gateway.wait_rows("SELECT * FROM v_orders WHERE strategy = 'maker'")
    assert gateway.terminate() == 0
    told = CliRunner().invoke(root, ["verify", "--json"], env={"GATEWAY_CONFIG": str(gateway.config)})
    verdict = json.loads(told.stdout)
    assert (told.exit_code, verdict["equal"], verdict["first"]) == (0, True, [])
    assert verdict["recomputed"] == verdict["events"] > 150
