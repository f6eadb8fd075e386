"""What answers before there is a run: status with progress, the kill switch, stop; and a fold that can be stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.request import HTTPError, urlopen

import pytest
from click.testing import CliRunner

from gateway.bootstrap.front import STANDBY, Front
from gateway.bootstrap.places import journal_at, private_directory
from gateway.bootstrap.recovery import Stopped, recover
from gateway.cli.main import root
from gateway.config.load import LoadedConfiguration, load
from gateway.control.client import ControlClient
from gateway.control.surface import Kill, KillAnswer
from gateway.core.core import Core
from gateway.errors import PreconditionFailed
from gateway.testing.harness import Harness

if TYPE_CHECKING:
    from gateway.runtime.status import Reporter
    from gateway.runtime.surface import GatewaySurface


@pytest.fixture
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedConfiguration:
    home = tmp_path_factory.mktemp("f")
    path = home / "gateway.toml"
    path.write_text('[gateway]\nname = "early"\n[control]\nsocket = "c.sock"\n[telemetry]\nmetrics_port = 0\n')
    found = load(path)
    private_directory(found.state_dir)
    return found


@pytest.fixture
def front(loaded: LoadedConfiguration) -> Iterator[Front]:
    made = Front(loaded)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(loaded: LoadedConfiguration) -> ControlClient:
    return ControlClient(loaded.control_socket, timeout=100)


def test_status_shows_how_far_the_fold_is(front: Front, client: ControlClient, loaded: LoadedConfiguration) -> None:
    front.tell("folding the journal", 2_000, 1_000_000)
    document = client.get("/status")
    assert document["role"] == "starting"
    assert document["initialising"] == {"doing": "folding the journal", "seq": 2_000, "head": 1_000_000, "detail": ""}
    assert document["capabilities"]["runtime"]["state"] == "initialising"
    shown = CliRunner().invoke(root, ["--config", str(loaded.path), "status"])
    assert shown.exit_code == 0, shown.output
    assert "event 2000 of 1000000" in " ".join(shown.output.split())
    with pytest.raises(HTTPError) as refused:
        urlopen(f"http://127.0.0.1:{document['metrics_port']}/readyz")
    assert json.loads(refused.value.read())["reasons"] == ["starting: folding the journal, event 2000 of 1000000"]
    metrics = urlopen(f"http://127.0.0.1:{document['metrics_port']}/metrics").read().decode()
    assert 'gateway_component_state{component="runtime"} 0.0' in metrics


def test_whatever_needs_a_run_is_refused_with_the_reason(front: Front, client: ControlClient) -> None:
    front.tell("following process 7 on elsewhere", 5, 5, role=STANDBY)
    for path in ("/trading", "/cancel-all", "/positions/adjust", "/venues/SIM/open", "/sessions/SIM/logon", "/configuration"):
        with pytest.raises(PreconditionFailed, match="standby: following process 7 on elsewhere, event 5 of 5"):
            client.post(path, _body(path))


def _body(path: str) -> dict[str, str]:
    more = {
        "/trading": {"state": "disabled"},
        "/cancel-all": {"scope": "all"},
        "/positions/adjust": {"strategy": "s", "venue": "V", "symbol": "S", "quantity": "1", "avg_px": "1"},
    }
    return {"request_id": "r", "reason": "test", **more.get(path, {})}


def test_the_kill_switch_engages_before_there_is_a_run(
    front: Front, client: ControlClient, loaded: LoadedConfiguration
) -> None:
    answer = client.post("/kill", {"request_id": "r", "reason": "test"})
    assert answer["engaged"] == {"all": "test"}
    assert client.get("/kill")["engaged"] == {"all": "test"}
    assert client.get("/status")["kill"] == {"all": "test"}
    assert json.loads((loaded.state_dir / "kill.json").read_text()) == {"all": "test"}
    with pytest.raises(PreconditionFailed):
        client.post("/kill/release", {"request_id": "q", "reason": "test"})


def test_a_kill_that_waits_for_its_disk_reaches_the_run_that_begins_meanwhile(
    front: Front, client: ControlClient, loaded: LoadedConfiguration
) -> None:
    class Run:
        def engage_kill(self, request: Kill, actor: str) -> KillAnswer:
            return KillAnswer(engaged=dict(front.gate.engaged), seq=7, detail="told the core")

    pipe = loaded.state_dir / "kill.json.new"
    os.mkfifo(pipe)  # whoever opens it for writing waits for a reader
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.post, "/kill", {"request_id": "r", "reason": "test"})
        assert front.gate.closed.wait(20)
        front.hand_over(cast("GatewaySurface", Run()), cast("Reporter", SimpleNamespace(gauges=None)))
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        assert asked.result()["detail"] == "told the core"
        os.close(reader)


def test_a_kill_file_that_cannot_be_written_is_said_and_the_gate_is_closed(
    front: Front, client: ControlClient, loaded: LoadedConfiguration
) -> None:
    (loaded.state_dir / "kill.json.new").mkdir()
    assert "in this process only" in client.post("/kill", {"request_id": "r", "reason": "test"})["detail"]
    assert client.get("/kill")["engaged"] == {"all": "test"}


def test_a_stop_ends_the_fold(front: Front, client: ControlClient, loaded: LoadedConfiguration) -> None:
    harness = Harness().open()
    with closing(journal_at(loaded).open()) as journal:
        journal.append(harness.records, {}, harness.state.digest())
    client.post("/stop", {"request_id": "r", "reason": "test"})
    assert front.stop_reason == "test"
    with pytest.raises(Stopped):
        recover(loaded, front, lambda: Core({}))
    assert journal_at(loaded).holder() is None, "and the journal is free"


def test_a_fold_that_nobody_stops_reaches_the_end(front: Front, client: ControlClient, loaded: LoadedConfiguration) -> None:
    harness = Harness().open()
    with closing(journal_at(loaded).open()) as journal:
        journal.append(harness.records, {}, harness.state.digest())
    recovered, core = recover(loaded, front, lambda: Core({}))
    with closing(recovered.journal):
        assert core.state.digest() == harness.state.digest()
    assert client.get("/status")["journal"]["seq"] == harness.state.seq
    assert Path(loaded.control_socket).exists()
