"""Every command's help example, executed as printed against a running instance.

What stands for something in an example (an order id, a port, a directory, a sequence number) is replaced by the instance's own;
nothing else is. `SCRIPT` is the order they are run in: what a command needs is prepared by the lines before it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click
import pytest
from click.testing import CliRunner

from gateway.cli.main import root
from gateway.control.client import ControlClient
from gateway.errors import GatewayError
from gateway.sim.process import VenueProcess, start_venue

REPOSITORY = Path(__file__).parents[2]
DEADLINE = 100.0
BESIDE = ("init", "check", "run", "stop", "status", "venue-sim", "demo", "db rebuild")
"""Run in ways of their own, by name, before or after the script."""
SCRIPT = (
    "doctor", "spec list", "spec check", "spec diff", "spec build", "db current", "db check", "db upgrade",
    "session list", "session show", "session test-request", "session logout", "session logon",
    "venue list", "venue close", "venue open",
    "order new", "order show", "order history", "order list", "order cancel", "order replace", "order resolve",
    "order cancel-all",
    "fill list", "fill book", "position list", "position adjust", "position history", "decision list", "anomaly list",
    "trading reduce", "trading disable", "trading enable", "kill engage", "kill status", "kill release",
    "log sniff", "log decode", "log grep", "log stats", "log sessions", "log orders", "log latency",
    "config show", "config apply", "config history", "audit list",
    "session set-seq", "session reset", "trading roll-day", "verify", "incident", "replay",
)  # fmt: skip
TYPED = {"kill release": "venue:SIM"}
"""Dangerous commands whose example leaves the confirmation to whoever types it."""
APART = frozenset({"doctor", "spec build", "order new", "config apply", "log decode", "verify"})
"""Run as processes of their own, like those of BESIDE and TYPED; the others in this one."""
READS = frozenset(
    {"db current", "db check",
     "session list", "session show", "venue list", "order show", "order history", "order list", "fill list",
     "fill book", "position list", "position history", "decision list", "anomaly list", "kill status", "config show",
     "config history", "audit list", "verify", "replay", "doctor", "spec list",
     "log sniff", "log decode", "log grep", "log stats", "log sessions", "log orders", "log latency"}
)  # fmt: skip
"""Commands that change nothing: run a second time with --json."""


def examples() -> dict[str, str]:
    """Path of every command -> its example."""
    found: dict[str, str] = {}

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                walk(child, (*path, name))
        else:
            found[" ".join(path)] = (command.epilog or "").partition("Example:\n")[2].strip()

    walk(root, ())
    return found


EXAMPLES = examples()


def until(condition: Callable[[], Any], what: str) -> Any:
    end = monotonic() + DEADLINE
    while not (found := condition()):
        assert monotonic() < end, f"not within {DEADLINE} s: {what}"
        sleep(0.02)
    return found


class Desk:
    """An instance as `gateway init` leaves it, its ports made free ones, and a process that runs in it."""

    def __init__(self, home: Path, venue: VenueProcess) -> None:
        self.venue = venue
        self.home = home
        self.directory = home / "desk"
        self.environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        self.environment.pop("GATEWAY_CONFIG", None)
        self.run("gateway init desk", cwd=home)
        config = self.directory / "gateway.toml"
        text = config.read_text()
        for old, new in [
            ("port = 9878", f"port = {venue.port}"),
            ("metrics_port = 9464", "metrics_port = 0"),
            ("ack_timeout_seconds = 5", "ack_timeout_seconds = 1"),
            ("reconnect_seconds = 5", "reconnect_seconds = 1"),
            ('socket = "var/control.sock"', 'socket = "c.sock"'),
        ]:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        config.write_text(text)
        self.client = ControlClient(self.directory / "c.sock", timeout=100)
        self.order_id = ""

    def command(self, line: str) -> list[str]:
        name, *arguments = shlex.split(line.replace("\\\n", " "))
        assert name == "gateway"
        return [sys.executable, "-m", "gateway", *arguments]

    def run(self, line: str, *, cwd: Path | None = None, expect: int = 0) -> str:
        """Its standard output."""
        done = subprocess.run(
            self.command(line), cwd=cwd or self.directory, env=self.environment, capture_output=True, text=True, timeout=100,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == expect, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def invoke(self, line: str) -> str:
        """As `run`, in this process: a process of its own adds the same for every command, and a second for its start."""
        _, *arguments = shlex.split(line.replace("\\\n", " "))
        with chdir(self.directory):
            done = CliRunner().invoke(root, arguments, prog_name="gateway")
        assert done.exit_code == 0, f"{line}: {done.exit_code}\n{done.output}"
        return done.stdout

    def run_and_type(self, line: str, typed: str) -> str:
        """As `run`, by somebody at a terminal who types the name that is asked for."""
        ours, theirs = os.openpty()
        try:
            os.write(ours, f"{typed}\n".encode())
            done = subprocess.run(
                self.command(line), cwd=self.directory, env=self.environment, capture_output=True, text=True,
                timeout=100, check=False, stdin=theirs,
            )  # fmt: skip
        finally:
            os.close(ours)
            os.close(theirs)
        assert f"type '{typed}' to go on" in done.stderr
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, line: str) -> Any:
        """The document of a command, run in this process; of one that writes JSON lines, all of them."""
        _, *arguments = shlex.split(line.replace("\\\n", " "))
        with chdir(self.directory):
            done = CliRunner().invoke(root, [*arguments, *([] if "--json" in arguments else ["--json"])])
        assert done.exit_code == 0, f"{line}: {done.exit_code}\n{done.output}"
        if "log" in arguments:
            return [json.loads(row) for row in done.stdout.splitlines() if row not in "[]"]
        return json.loads(done.stdout)

    def begin(self, line: str) -> subprocess.Popen[str]:
        errors = (self.home / "stderr").open("a")
        with errors:
            return subprocess.Popen(
                self.command(line), cwd=self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def status(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = self.client.get("/status")
        except GatewayError:
            return {}
        return document

    def opened(self) -> None:
        until(lambda: (v := self.status().get("venues")) and v[0]["opened"], "the venue open")

    def new_order(self, price: str) -> str:
        order_id: str = self.json(f"gateway order new --venue SIM --symbol USD/JPY --side buy --qty 1000 --price {price}")[
            "order_id"
        ]
        return order_id

    def order(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json(f"gateway order show {order_id}")
        return found

    # ------------------------------------------------------------------------------------------------- preparations

    def prepare(self, path: str) -> dict[str, str]:
        """Have what the example of a command needs; what is to be replaced in it."""
        match path:
            case "order show" | "order history" | "fill list" | "incident":
                return {"7-12": self.order_id}
            case "order cancel":
                self.order_id = self.new_order("106")
                until(lambda: self.order(self.order_id)["state"] == "Accepted", "an order to cancel")
                return {"7-12": self.order_id}
            case "order replace":
                replaced = self.new_order("106")
                until(lambda: self.order(replaced)["state"] == "Accepted", "an order to replace")
                return {"7-12": replaced, "110.25": "106.5"}
            case "spec build":
                return {"/tmp/dictionaries": str(self.home / "dictionaries")}
            case "order resolve":
                self.json("gateway trading disable --scope strategy:maker")
                self.venue.command("fault drop 1000")
                self.venue.command("refuse-logon on")
                doubtful = self.new_order("106")
                self.venue.command("disconnect DESK")
                until(lambda: self.order(doubtful)["in_doubt"], "an order in doubt")
                return {"7-12": doubtful}
            case "order cancel-all":
                self.venue.command("fault clear")
                self.venue.command("refuse-logon off")
                self.opened()
                self.json("gateway trading enable --scope strategy:maker")
            case "session set-seq":
                return {"512": str(self.status()["venues"][0]["next_target"])}
            case "session reset":
                self.opened()
            case "config apply":
                config = self.directory / "gateway.toml"
                config.write_text(config.read_text().replace('max_order_value = "50000000"', 'max_order_value = "40000000"'))
        return {}

    def after(self, path: str) -> None:
        match path:
            case "order new":
                self.order_id = self.json("gateway order list --strategy desk")[0]["order_id"]
            case "session logon" | "session set-seq" | "session reset" | "venue open" | "kill release":
                self.opened()
            case "config apply":
                assert 'max_order_value = "40000000"' in self.json("gateway config history")[0]["toml"]


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("x")
    with start_venue(home / "venue") as venue:
        yield Desk(home, venue)


def test_every_example_is_run() -> None:
    assert sorted(EXAMPLES) == sorted([*BESIDE, *SCRIPT])
    assert all(EXAMPLES.values())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_example_does_what_it_says(desk: Desk) -> None:
    assert "ready to run" in desk.run(EXAMPLES["check"])
    process = desk.begin(EXAMPLES["run"])
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (desk.home / "stderr").read_text()
        for path in SCRIPT:
            line = EXAMPLES[path]
            for old, new in desk.prepare(path).items():
                assert old in line, path
                line = line.replace(old, new)
            if path in TYPED:
                desk.run_and_type(line, TYPED[path])
            else:
                (desk.run if path in APART else desk.invoke)(line)
            if path in READS:
                desk.json(line)
            desk.after(path)
        _watch(desk)
        desk.run(EXAMPLES["stop"])
        assert process.wait(100) == 0
    finally:
        process.kill()
        process.communicate()
    desk.run(EXAMPLES["db rebuild"])
    assert desk.json("gateway verify")["equal"]


def _watch(desk: Desk) -> None:
    watching = desk.begin(EXAMPLES["status"])
    try:
        assert watching.stdout is not None
        lines = iter(watching.stdout.readline, "")
        shown = [next(lines)]
        while "SIM" not in shown[-1]:
            shown.append(next(lines))
        assert all(len(line.rstrip("\n")) <= 80 for line in shown)
        assert any(re.match("no alarms|Severity", line) for line in shown), "before all else"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(100) == 0
    finally:
        watching.kill()
        watching.communicate()


def test_the_example_of_the_venue_listens(tmp_path: Path, desk: Desk) -> None:
    line = EXAMPLES["venue-sim"]
    assert "9878" in line
    process = desk.begin(f"{line.replace('9878', '0')} --dir {shlex.quote(str(tmp_path / 'v'))}")
    try:
        assert process.stdout is not None
        assert "127.0.0.1" in process.stdout.readline()
        process.terminate()
        assert process.wait(100) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_example_of_the_demo_ends_well(desk: Desk) -> None:
    line = EXAMPLES["demo"]
    assert "/tmp/demo" in line
    desk.run(line.replace("/tmp/demo", str(desk.home / "demo")))
