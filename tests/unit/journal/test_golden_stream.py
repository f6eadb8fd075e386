"""The journals of the releases: folded to what they were, and those of this build decided again to the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import golden_stream as golden

from gateway import __version__
from gateway.core.core import Core
from gateway.core.events import DERIVED
from gateway.core.verify import Verifier

RELEASES = sorted(path.stem.removeprefix("stream-v") for path in golden.GOLDEN.glob("stream-v*.journal"))
REMEDY = "meant to be so? then, before it is released: python tests/unit/journal/golden_stream.py --write"


def kept(release: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((golden.GOLDEN / f"stream-v{release}.json").read_text())
    return found


def test_this_release_has_one() -> None:
    assert __version__ in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_it_folds_to_what_it_was(release: str) -> None:
    core = Core({})
    core.fold(golden.read(golden.GOLDEN / f"stream-v{release}.journal"))
    assert golden.outcome(core.state) == kept(release)["outcome"]


def test_digests_of_this_build() -> None:
    records = golden.read(golden.GOLDEN / f"stream-v{__version__}.journal")
    assert golden.digests(records) == kept(__version__)["digests"], REMEDY


def test_every_decision_is_made_again() -> None:
    records = golden.read(golden.GOLDEN / f"stream-v{__version__}.journal")
    assert len([one for one in records if one.event.kind() in DERIVED]) > 40
    verifier = Verifier(golden.strategies)
    assert [*verifier.feed(records), *verifier.finish()] == [], REMEDY
    assert verifier.digest == kept(__version__)["digests"][str(records[-1].seq)]
    assert list(golden.lines(golden.play().records)) == list(golden.lines(records)), REMEDY


def pythons() -> list[str]:
    """This one, and every other here that has what the core needs."""
    others = [found for name in ("python3.11", "python3.12", "python3.13", "python3.14") if (found := shutil.which(name))]
    others += os.environ.get("GATEWAY_PYTHONS", "").split()
    able = [
        one for one in others if subprocess.run([one, "-c", "import msgspec"], check=False, capture_output=True).returncode == 0
    ]
    return [sys.executable, *able]


def test_the_same_in_every_process_with_any_hash_seed_and_python() -> None:
    """What is committed was written by one process of one Python: every other must come to the same."""
    expected = list(kept(__version__)["digests"].values())[-1]
    root = Path(__file__).parents[3]
    for python in pythons():
        for seed in ("0", "1", "4711"):
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
            done = subprocess.run([python, golden.__file__], check=False, env=environment, capture_output=True, text=True)
            assert (done.returncode, done.stdout.strip()) == (0, expected), (python, seed, done.stderr[-500:])
