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
        "A look in a running gateway costs about 5.5 us for an event about an order and 0.7 us for a book; with nothing else in"
        " between it is 1.4 to 3.8 us for an order, which `python tests/bench/invariants.py` measures. What broke is in"
        " `gateway status`, `/readyz`, a critical alarm, the log, `v_anomalies` (`invariant_broken`) and the journal."
        " `gateway trading enable --reason TEXT` ends the halt.\n"
    )
    for where, group in invariants.CHECKS:
        yield f"## Of {where}\n"
        yield table(("Name", "What holds"), ((f"`{one.name}`", one.statement) for one in group))
