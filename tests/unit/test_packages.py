"""What is shipped: every package of the tree, so that an installed gateway has what a checkout has."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_shipped() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    elsewhere = {line.split("=")[0].strip() for line in setup["options"]["package_dir"].split("\n") if line}
    shipped = set(setup["options"]["packages"].split())
    here = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "gateway").rglob("__init__.py")}
    assert {name for name in shipped if not any(name == e or name.startswith(f"{e}.") for e in elsewhere)} == here
