"""Pages of `docs/` that are made from the code, so that they cannot disagree with it. One module a page.

    python -m gateway.pages            # write them (scripts/pages)
    python -m gateway.pages --check    # exit code 1 when a committed page is not what the code says

To add a page: a module with a function `page() -> str`, and a line in `PAGES`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import gateway
from gateway.pages import execution_control, invariants, lifecycle, risk, vocabulary

DOCS = Path(gateway.__file__).parents[1] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "vocabulary.md": vocabulary.page,
    "lifecycle.md": lifecycle.page,
    "execution-control.md": execution_control.page,
    "risk.md": risk.page,
    "invariants.md": invariants.page,
}
"""File in `docs/` -> what makes its text."""


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` compare them; the exit code."""
    wrong = 0
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if "--check" not in arguments:
            path.write_text(text, "utf-8")
            continue
        same = path.is_file() and path.read_text("utf-8") == text
        wrong += not same
        sys.stderr.write(f"{path}: {'as the code says' if same else 'not what the code says: run scripts/pages'}\n")
    return 1 if wrong else 0
