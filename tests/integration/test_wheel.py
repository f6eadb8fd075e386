"""The wheel, installed away from the tree, carries dialects, migrations and the starter configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a Python that finds the project in an installed wheel only; other packages are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), str(ROOT)], check=True, timeout=280, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True, timeout=280)
    return {**os.environ, "PYTHONPATH": str(target)}


def _run(environment: dict[str, str], directory: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_installed_package_runs_on_its_own(installed: dict[str, str], tmp_path: Path) -> None:
    where = _run(installed, tmp_path, "-c", "import gateway; print(gateway.__file__)").strip()
    assert Path(where).is_relative_to(installed["PYTHONPATH"])
    dialects = _run(installed, tmp_path, "-m", "gateway", "spec", "list", "--json")
    assert "generic-fix44" in dialects
    demo = _run(installed, tmp_path, "-m", "gateway", "demo", "--seconds", "3", "--no-kill", "--dir", "demo", "--json")
    assert json.loads(demo)["differences"] == []
    current = _run(installed, tmp_path, "-m", "gateway", "--config", "demo/gateway.toml", "db", "current", "--json")
    revisions = json.loads(current)
    assert revisions["revision"] == revisions["wanted"] is not None
    _run(installed, tmp_path, "-m", "gateway", "init", "desk")
    assert (tmp_path / "desk" / "gateway.toml").is_file()
