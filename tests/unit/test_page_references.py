"""The pages name the tests behind what they promise: each of them must be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(?P<file>[a-z_/]*test_[a-z_]+\.py)(?:::(?P<test>test_\w+))?`")


def _file(name: str) -> Path:
    """As named from the root, or one of the recovery tests."""
    return ROOT / name if "/" in name else ROOT / "tests/recovery" / name


@pytest.mark.parametrize(("page", "least"), [("docs/durability.md", 20), ("docs/recovery.md", 15)])
def test_every_test_that_a_page_names_is_there(page, least):
    named = list(_NAMED.finditer((ROOT / page).read_text()))
    assert len(named) >= least, "the pattern finds them"
    missing = [
        found[0]
        for found in named
        if not _file(found["file"]).is_file()
        or (found["test"] and f"def {found['test']}(" not in _file(found["file"]).read_text())
    ]
    assert missing == []


def test_every_promise_names_a_test():
    page = (ROOT / "docs/durability.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) > 10
    assert [row for row in rows if not _NAMED.search(row)] == []
