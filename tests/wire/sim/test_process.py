"""The venue as a process: what it prints, how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.errors import PreconditionFailed
from gateway.sim.process import start_venue

VENUE = [sys.executable, "-m", "gateway.sim"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_configured_venue_says_where_it_listens_and_ends_on_a_signal(tmp_path: Path, number: int) -> None:
    config = tmp_path / "venue.toml"
    config.write_text('sender = "XSIM"\nsymbol = ["EUR/USD"]\ndir = "state"\nrate = 5\n')
    pipe = subprocess.PIPE
    with subprocess.Popen([*VENUE, str(config)], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(rf"listening host=127\.0\.0\.1 port=\d+ dir={tmp_path}/state\n", line)
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, "")
    assert err == f"stopped: 0 orders, 0 reports, {tmp_path}/state/ledger.csv\n"
    assert (tmp_path / "state" / "store" / "FIX.4.4-XSIM-DESK.seqnums").exists()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from gateway.sim.process import start_venue; "
    script += "venue = start_venue(Path(sys.argv[1])); print(venue.port, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert _listens(port)
        parent.kill()
    deadline = time.monotonic() + 100
    while _listens(port):
        assert time.monotonic() < deadline, "the venue outlived its parent"
    assert "stopped:" in _until(tmp_path / "venue.log", "stopped:", deadline)


def test_a_bad_tick_in_the_middle_of_the_file_ends_the_venue(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks.csv"
    ticks.write_text("timestamp,bid,ask\nx,1,2\nx,2,1\n")
    venue = start_venue(tmp_path / "venue", ticks=ticks)
    deadline = time.monotonic() + 100
    while venue.running():
        assert time.monotonic() < deadline, "the venue goes on without prices"
    assert venue.stop() == PreconditionFailed.exit_code
    assert "ticks.csv:3: bid must be positive and below ask" in venue.log_path.read_text()


def test_an_unwritable_directory_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [*VENUE, "--dir", str(tmp_path / "file" / "venue")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (result.returncode, result.stdout) == (PreconditionFailed.exit_code, "")
    assert re.fullmatch(r"venue-sim: .*/file/venue: cannot write here: Not a directory; name another --dir\n", result.stderr)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(path: Path, text: str, deadline: float) -> str:
    while text not in (content := path.read_text()) and time.monotonic() < deadline:
        pass
    return content
