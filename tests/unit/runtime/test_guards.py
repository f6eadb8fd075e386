"""The watchdog of strategies: one that overruns closes the gate; a machine that slept is no fault of a strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.runtime import guards
from gateway.runtime.guards import STUCK, Consultation, Watchdog
from gateway.runtime.intake import Intake
from gateway.runtime.overruns import OverrunFile
from gateway.venue.gate import KillGate


class Scene:
    """A watchdog and the time it sees."""

    def __init__(self, directory: Path) -> None:
        self.seconds = 100.0
        self.gate = KillGate(directory / "kill.json")
        self.consultation = Consultation()
        self.file = OverrunFile(directory / "overran.json")
        self.watchdog = Watchdog(self.consultation, self.gate, Intake(10), self.file)

    def looks(self, *, every: float, times: int = 1) -> None:
        for _ in range(times):
            self.seconds += every
            self.watchdog.look()

    @property
    def stops(self) -> set[str]:
        return set(self.gate.stops)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(guards, "monotonic", lambda: made.seconds if made else 100.0)
    made: Scene | None = None
    made = Scene(tmp_path)
    return made


def test_a_strategy_that_does_not_come_back_is_stopped_and_so_is_everybody_until_it_does(scene: Scene) -> None:
    scene.looks(every=0.5, times=3)
    scene.consultation.begin("slow")
    scene.looks(every=0.5, times=4)
    assert scene.stops == set(), "it may take two seconds"
    scene.looks(every=0.5)
    assert scene.stops == {STUCK, "strategy:slow"}
    [told] = scene.file.untold()
    assert (told.strategy, told.running_ns) == ("slow", 2_500_000_000)
    scene.consultation.end()
    scene.looks(every=0.5)
    assert scene.stops == {"strategy:slow"}


def test_a_machine_that_slept_is_no_fault_of_the_strategy_it_was_asking(scene: Scene) -> None:
    scene.looks(every=0.5)
    scene.consultation.begin("well")
    scene.looks(every=3600)
    scene.looks(every=0.5)
    assert scene.stops == set()
    scene.consultation.end()
    for _ in range(10):  # asked again and again, each time a short while
        scene.consultation.begin("well")
        scene.looks(every=0.5)
    assert scene.stops == set()
    assert scene.file.untold() == []


def test_one_that_hangs_on_a_machine_that_is_slow_is_stopped_all_the_same(scene: Scene) -> None:
    scene.consultation.begin("slow")
    scene.looks(every=5, times=3)
    assert scene.stops == {STUCK, "strategy:slow"}
