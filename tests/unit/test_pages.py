"""The pages made from the code are the ones committed, and the words on them are all the words there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import gateway
from gateway import pages
from gateway.core import dominance, lifecycle, risk, vocabulary
from gateway.core.events import EVENTS
from gateway.core.settings import RiskLimits
from gateway.core.values import CommandKind, Doubt, FillStatus, OrderState
from gateway.records import decisions, runs

SOURCE = Path(gateway.__file__).parent


@pytest.mark.parametrize("name", pages.PAGES)
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    assert (pages.DOCS / name).read_text("utf-8") == pages.PAGES[name](), "run scripts/pages and commit what it writes"


def test_check_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert pages.main(["--check"]) == 1
    assert pages.main([]) == 0
    assert pages.main(["--check"]) == 0
    (tmp_path / "lifecycle.md").write_text("other")
    assert pages.main(["--check"]) == 1


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (pages.DOCS.parent / "README.md").read_text("utf-8")
    missing = [page.name for page in pages.DOCS.glob("*.md") if f"(docs/{page.name})" not in readme]
    assert missing == []


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in (*pages.DOCS.rglob("*.md"), pages.DOCS.parent / "README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


ARROW = re.compile(r"(\w+) (-->|-\.->)\|([^|]*)\| (\w+)")


def test_the_diagram_has_every_edge_that_moves_an_order_and_no_other() -> None:
    drawn = {
        (what, before, after)
        for before, _, whats, after in ARROW.findall(pages.lifecycle.diagram())
        for what in whats.split("<br>")
    }
    moves = {
        (what, str(before), "quantity" if edge.to is lifecycle.BY_QUANTITY else str(edge.to.value))
        for what, edges in lifecycle.TABLE.items()
        for before, edge in edges.items()
        if edge.to not in (lifecycle.KEEP, before)
    }
    assert drawn == moves
    reached = {lifecycle.by_quantity(Decimal(2), Decimal(filled)) for filled in range(3)}
    assert {f"quantity --> {state}" for state in reached} <= set(map(str.strip, pages.lifecycle.diagram().splitlines()))


def test_the_matrix_on_the_page_has_every_cell() -> None:
    rows = [line for line in pages.execution_control.page().splitlines() if line.startswith("| ")]
    assert len([row for row in rows if row.split(" | ")[1] in set(CommandKind)]) == len(dominance.MATRIX)


def test_every_limit_of_the_configuration_is_set_by_a_control_on_the_page() -> None:
    asked = {name for one in (*risk.CONTROLS, *risk.REACTIONS) for name in one.limits}
    assert asked == set(RiskLimits.__struct_fields__)
    rows = [line for line in pages.risk.page().splitlines() if line.startswith("| `")]
    for control in risk.CONTROLS:
        [row] = [row for row in rows if row.startswith(f"| `{control.code}` |") and row.endswith(f"| {control.source} |")]
        assert all(f"`{name}`" in row for name in control.limits)


CONTRACT = {
    "order": "Submitted Accepted PartiallyFilled Filled Cancelled Rejected Expired",
    "fill": "new corrected busted inferred replaced",
    "outcome": "dispatched queued denied superseded closed_unsent failed",
    "runtime": "live research",
    "session": "logon logout disconnect reject business_reject resend_request gap lost_range sequence_reset reset",
}


def test_the_words_of_the_contract() -> None:
    words = {name: set(text.split()) for name, text in CONTRACT.items()}
    assert {state.value for state in OrderState} == words["order"]
    assert {status.value for status in FillStatus} == words["fill"]
    assert set(decisions.OUTCOMES) == words["outcome"]
    assert set(runs.RUNTIMES) == words["runtime"]
    assert set(vocabulary.SESSION_EVENTS) >= words["session"]


def test_every_word_has_a_meaning() -> None:
    for line in pages.vocabulary.page().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 2:
            assert all(cells), line


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_says_what_it_is(kind: str) -> None:
    assert EVENTS[kind].__dict__.get("__doc__"), f"{EVENTS[kind].__name__} has no docstring of its own"


def calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    """(name of the function, call) for every call in these folders' modules."""
    for folder in folders:
        for path in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def words(call: ast.Call, keyword: str, *places: int) -> set[str]:
    """Literal strings handed over under a keyword, or in one of these places."""
    values = [call.args[place] for place in places if place < len(call.args)]
    values += [given.value for given in call.keywords if given.arg == keyword]
    found = {part for value in values for part in ast.walk(value) if isinstance(part, ast.Constant)}
    return {part.value for part in found if isinstance(part.value, str)}


def test_every_anomaly_is_listed() -> None:
    used = {edge.anomaly for edges in lifecycle.TABLE.values() for edge in edges.values() if edge.anomaly} | {lifecycle.NO_EDGE}
    for name, call in calls("core"):
        if name == "AnomalyRaised":
            used |= words(call, "anomaly")
        elif name in ("misfit", "session_misfit"):
            used |= words(call, "kind", 0)
    used |= {"reject", "business_reject"}  # by the name of the notice
    assert used == set(vocabulary.ANOMALIES)


def test_every_doubt_is_listed() -> None:
    """A doubt is a member of the enum wherever it is raised, and none is left over."""
    used: set[str] = set()
    for name, call in calls("core"):
        if name == "InDoubt":
            assert not words(call, "reason")
            used |= {part.attr for given in call.keywords for part in ast.walk(given.value) if isinstance(part, ast.Attribute)}
    assert used & set(Doubt.__members__) == set(Doubt.__members__)


def test_every_session_event_is_listed() -> None:
    used: set[str] = set()
    for name, call in calls("core/apply", "fix", "venue"):
        if name == "session_changed":
            used |= words(call, "event")
        elif name == "notice" and call.args and isinstance(call.args[0], ast.Constant):
            used.add(str(call.args[0].value))
    assert {word for word in used if word} <= set(vocabulary.SESSION_EVENTS)
    assert len(used) > 7


def test_every_cause_of_a_position_is_listed() -> None:
    used: set[str] = set()
    for name, call in calls("core/apply"):
        if name in ("trade_position", "recount_position"):
            used |= words(call, "cause", 3)
        elif name == "set_position":
            used |= words(call, "cause", 5)
        elif name == "PositionChanged":
            used |= words(call, "cause")
    assert {"fill", "opening"} < used
    assert used <= set(vocabulary.POSITION_CAUSES)


def test_every_code_of_a_denial_is_listed() -> None:
    assert set(risk.CODES) == {control.code for control in risk.CONTROLS} | set(risk.OTHER_CODES)
    page = pages.vocabulary.page()
    assert all(f"| `{code}` |" in page for code in risk.CODES)
