"""The pages name the tests behind what they promise: each of them must be there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ALONE = re.compile(r"`(?P<test>test_\w+?)(?P<more>_?\.\.\.)?`")
"""A test without its file, or only how it begins."""
_DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
_NAMED = re.compile(r"`(?P<file>[a-z_/]*test_[a-z_]+\.py)(?:::(?P<test>test_\w+))?`")

_PLACE = re.compile(r"`(?P<file>gateway/[\w/]+\.py)(?:::(?P<name>[\w.]+))?`")
_NOT_OURS = {"child.py", "writer.py"}
"""Of the process that writes the records."""


def _file(name: str) -> Path:
    """As named from the root, or one of the recovery tests."""
    return ROOT / name if "/" in name else ROOT / "tests/recovery" / name


def _names(tree: ast.Module, inside: str = "") -> set[str]:
    """What a module defines, methods with the name of their class."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(inside + node.name)
        if isinstance(node, ast.ClassDef):
            found |= _names(ast.Module(node.body, []), f"{node.name}.")
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            found |= {one.id for one in targets if isinstance(one, ast.Name)}
    return found


def test_every_place_in_the_code_that_a_page_names_is_there():
    named = list(_PLACE.finditer((ROOT / "docs/inside.md").read_text()))
    assert len(named) > 40, "the pattern finds them"
    missing = [
        found[0]
        for found in named
        if not (ROOT / found["file"]).is_file()
        or (found["name"] and found["name"] not in _names(ast.parse((ROOT / found["file"]).read_text())))
    ]
    assert missing == []


def test_every_thread_has_a_row():
    """Those of the gateway itself: `serving` gives the others their names, and the simulated venue has a process of its own."""
    rows = "".join(line for line in (ROOT / "docs/inside.md").read_text().splitlines() if line.startswith("| "))
    started = re.compile(r"Thread\([^)\n]*name=f?\"([a-z-]+)")
    files = [file for file in (ROOT / "gateway").rglob("*.py") if file.parent.name != "sim" and file.name not in _NOT_OURS]
    names = {name for file in files for name in started.findall(file.read_text())}
    assert len(names) > 8, "the pattern finds them"
    assert {name for name in names if f"`{name}" not in rows} == set()


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


@pytest.mark.parametrize("page", ["docs/durability.md", "docs/recovery.md"])
def test_every_test_that_is_named_without_its_file_is_there(page):
    tests = {name for file in (ROOT / "tests").rglob("test_*.py") for name in _DEFINED.findall(file.read_text())}
    named = list(_ALONE.finditer((ROOT / page).read_text()))
    missing = [
        found[0]
        for found in named
        if not (any(one.startswith(found["test"]) for one in tests) if found["more"] else found["test"] in tests)
    ]
    assert missing == []


def test_every_procedure_of_the_recovery_page_names_its_test():
    """Sections that say what to type, and rows of the tables that have a column for it."""
    page = (ROOT / "docs/recovery.md").read_text()
    procedures = re.findall(r"^### (.+?)\n(.*?)(?=^##)", page, re.DOTALL | re.MULTILINE)
    assert len(procedures) >= 6
    assert [title for title, text in procedures if not re.search(r"^Shown by `[\w/.:]*test_", text, re.MULTILINE)] == []
    tables = [table for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE) if "shown by" in table.partition("\n")[0]]
    assert len(tables) >= 5
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert [row for row in rows if not re.search(r"`[^`]*test_[^`]*`", row)] == []
