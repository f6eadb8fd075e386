"""Every cell of the settling table, and what is not in it."""

from __future__ import annotations

import itertools

import pytest

from gateway.venue.settle import TABLE, Do, Input, Phase, Settling

PATH = {Phase.DOWN: (), Phase.SETTLING: (Input.LOGON,), Phase.SETTLED: (Input.LOGON, Input.ANSWERED)}
CELLS = list(itertools.product(Phase, Input))


def at(phase: Phase) -> Settling:
    settling = Settling(5)
    for what in PATH[phase]:
        settling.step(what)
        if what is Input.LOGON:
            settling.next_probe(100)
    assert settling.phase is phase
    return settling


@pytest.mark.parametrize(("phase", "what"), [cell for cell in CELLS if cell not in TABLE])
def test_an_input_that_means_nothing_leaves_everything(phase, what):
    settling = at(phase)
    before = (settling.phase, settling.probe, settling.deadline_ns)
    assert settling.step(what) == ()
    assert (settling.phase, settling.probe, settling.deadline_ns) == before


@pytest.mark.parametrize(("phase", "what"), list(TABLE))
def test_an_edge_is_taken_as_the_table_says(phase, what):
    settling = at(phase)
    assert settling.step(what) == TABLE[phase, what].do
    assert settling.phase is TABLE[phase, what].to


def test_the_venue_opens_only_through_an_answered_probe():
    opening = [(phase, what) for (phase, what), edge in TABLE.items() if Do.OPEN in edge.do]
    assert opening == [(Phase.SETTLING, Input.ANSWERED)]
    assert all(edge.to is not Phase.SETTLED for cell, edge in TABLE.items() if cell not in opening)


def test_a_new_probe_makes_the_old_one_worthless():
    settling = at(Phase.SETTLING)
    first, deadline = settling.probe, settling.deadline_ns
    assert deadline == 105
    second = settling.next_probe(200)
    assert first != second == settling.probe
    assert settling.deadline_ns == 205


@pytest.mark.parametrize("what", [Input.ANSWERED, Input.LOGOUT])
def test_nothing_is_awaited_outside_settling(what):
    settling = at(Phase.SETTLING)
    settling.step(what)
    assert (settling.probe, settling.deadline_ns) == (None, None)
