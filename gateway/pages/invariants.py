"""docs/invariants.md: what is looked for while the gateway runs, where, and what happens when it does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core import invariants
from gateway.pages.markdown import prose, table


def page() -> str:
    """The text of docs/invariants.md."""
    return "\n".join(part.rstrip() + "\n" for part in _parts())


def _parts() -> Iterator[str]:
    yield "# Invariants\n"
    yield "Made by `scripts/pages` from `gateway/core/invariants.py`; a test compares the two, another breaks each.\n"
    yield prose(invariants) + "\n"
    yield (
        "A look costs about 2 us for an event about an order and half of one for any other; `python tests/bench/invariants.py`"
        " measures it. What broke is in `gateway status`, `/readyz`, a critical alarm, the log, `v_anomalies`"
        " (`invariant_broken`) and the journal. `gateway trading enable --reason TEXT` ends the halt.\n"
    )
    for where, group in invariants.CHECKS:
        yield f"## Of {where}\n"
        yield table(("Name", "What holds"), ((f"`{one.name}`", one.statement) for one in group))
