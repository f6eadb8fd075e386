"""Processes that this program starts import nothing from the current directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gateway import interpreter


def test_nothing_is_imported_from_where_somebody_stands(tmp_path: Path) -> None:
    for name in ("click.py", "gateway.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    done = subprocess.run(
        interpreter.command("gateway", "--help"),
        env=interpreter.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_no_other_way_leads_to_a_process() -> None:
    package = Path(interpreter.__file__).parent
    users = {str(path.relative_to(package)) for path in package.rglob("*.py") if "[sys.executable" in path.read_text("utf-8")}
    assert users == {"interpreter.py"}
