"""Where the dialect files are: `fix_specs/` at the top of a checkout, `gateway/fix_specs` in an installed package.

Exists so that nobody else guesses paths. It finds files and reads none.
"""

from __future__ import annotations

from pathlib import Path

from gateway.errors import NotFound

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE.parent / "fix_specs", _PACKAGE / "fix_specs")


def spec_path(name: str) -> Path:
    """The file of the dialect `name`, e.g. `generic-fix44`. Raises `NotFound` naming what there is."""
    for folder in _FOLDERS:
        path = folder / f"{name}.toml"
        if path.parent == folder and path.is_file():
            return path
    raise NotFound(f"no dialect {name!r} in {_FOLDERS[0]}; there are: {', '.join(available()) or 'none'}")


def available() -> list[str]:
    """The names of all dialects, sorted."""
    return sorted({path.stem for folder in _FOLDERS if folder.is_dir() for path in folder.glob("*.toml")})
