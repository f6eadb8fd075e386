"""docs/execution-control.md: what waits, what gives way, from the matrix in `gateway.core.dominance`."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core import dominance, execution_control
from gateway.core.dominance import MATRIX, Do, Flight, Wait
from gateway.core.values import CommandKind, Hold
from gateway.pages.markdown import members, table, theory, words

_WAITING = (None, *CommandKind)


def page() -> str:
    """The text of docs/execution-control.md."""
    return "\n".join(part.rstrip() + "\n" for part in _parts())


def _parts() -> Iterator[str]:
    yield "# Execution control\n"
    yield (
        "When an approved command goes, and in what order. Made by `scripts/pages` from the matrix in"
        " `gateway/core/dominance.py`; a test compares the two, and another tries every cell.\n"
    )
    yield theory(execution_control) + "\n"
    yield "## In flight, incoming, waiting\n"
    yield theory(dominance) + "\n"
    yield (
        "A row is what the order has in flight and what comes in; `Waits` says whether the incoming command waits for the"
        " answer; the other columns what it does, by what waits already.\n"
    )
    yield table(
        ("In flight", "Incoming", "Waits", *("nothing waits" if kind is None else f"{kind} waits" for kind in _WAITING)),
        (
            (flight.value, str(incoming), _WAITS[MATRIX[flight, incoming][0]], *(_cell(flight, incoming, w) for w in _WAITING))
            for flight in Flight
            for incoming in CommandKind
        ),
    )
    yield table(
        ("Word", "What the incoming command does"), ((f"`{do.name.lower()}`", do.value) for do in Do if do is not Do.NEVER)
    )
    yield table(("Word", "Whether it waits"), ((f"`{_WAITS[wait]}`", wait.value) for wait in Wait))
    yield "An empty cell cannot arise; one that did would be a defect, and stop dispatch.\n"
    yield "## What a queued command waits for\n"
    yield "`v_decisions.reason` of a decision that is still `queued`:\n"
    yield words(members(Hold))


_WAITS = {Wait.NO: "no", Wait.ANSWER: "answer", Wait.OVERDUE: "overdue"}


def _cell(flight: Flight, incoming: CommandKind, waiting: CommandKind | None) -> str:
    do = MATRIX[flight, incoming][1][waiting]
    return "" if do is Do.NEVER else f"`{do.name.lower()}`"
