"""docs/lifecycle.md: the life of an order, drawn and listed from its transition table."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core import lifecycle, vocabulary
from gateway.core.lifecycle import BY_QUANTITY, KEEP, TABLE, Edge
from gateway.core.values import OrderState
from gateway.pages.markdown import members, sources, table, theory, words

_QUANTITY = "quantity"


def page() -> str:
    """The text of docs/lifecycle.md."""
    return "\n".join(part.rstrip() + "\n" for part in _parts())


def _parts() -> Iterator[str]:
    yield "# The life of an order\n"
    yield "Made by `scripts/pages` from the transition table in `gateway/core/lifecycle.py`; a test compares the two.\n"
    yield theory(lifecycle) + "\n"
    yield "## Drawn\n"
    yield (
        "Every edge of the table that can move the state. The diamond is `by quantity`: Filled, PartiallyFilled or Accepted,"
        " as CumQty says. Dotted: an edge that surprises, with its reason further down."
        " States with a double border end an order.\n"
    )
    yield f"```mermaid\n{diagram()}```\n"
    yield words(members(OrderState))
    yield "## The table\n"
    yield (
        "What happened against the state before; the cell is the state after, `=` the same, `by quantity` what CumQty says,"
        " `!` an anomaly, `>!` one that is raised when CumQty goes beyond what was ordered. An empty cell is no edge: the"
        " anomaly `no_edge`, and the state is untouched. An `accepted_presumed` and its like are the same event for an order"
        " that had ended on our own conclusion alone; `reported_...` is what a status answer says.\n"
    )
    yield table(
        ("What happened", *(f"{state}" for state in OrderState)),
        ((f"`{what}`", *(_cell(edges.get(state)) for state in OrderState)) for what, edges in TABLE.items()),
    )
    yield "## Edges that surprise, and the market's reason for them\n"
    yield table(
        ("What happened", "State before", "State after", "Why", "Anomaly"),
        (
            (f"`{what}`", f"`{state}`", _to(state, edge), edge.note, f"`{edge.anomaly}`" if edge.anomaly else "")
            for what, edges in TABLE.items()
            for state, edge in edges.items()
            if edge.note
        ),
    )
    yield "The anomalies:\n"
    raised = {lifecycle.NO_EDGE, *(edge.anomaly for edges in TABLE.values() for edge in edges.values() if edge.anomaly)}
    yield words({kind: meaning for kind, meaning in vocabulary.ANOMALIES.items() if kind in raised})
    yield f"Sources: {' '.join(sources(lifecycle).split())}\n"


def diagram() -> str:
    """The table as a mermaid flow chart: one arrow for each pair of states and kind of edge."""
    arrows: dict[tuple[str, str, bool], list[str]] = {}
    for what, edges in TABLE.items():
        for state, edge in edges.items():
            target = _QUANTITY if edge.to is BY_QUANTITY else state.value if edge.to is KEEP else str(edge.to.value)
            if target != state.value:
                arrows.setdefault((state.value, target, bool(edge.note)), []).append(what)
    lines = ["flowchart LR", f"    submission(( )) --> {OrderState.SUBMITTED}"]
    lines += [f"    {state}[[{state}]]" if state.terminal else f"    {state}({state})" for state in OrderState]
    lines.append(f"    {_QUANTITY}{{by quantity}}")
    for (before, after, surprising), whats in arrows.items():
        lines.append(f"    {before} {'-.->' if surprising else '-->'}|{'<br>'.join(whats)}| {after}")
    lines += [f"    {_QUANTITY} --> {state}" for state in _BY_QUANTITY]
    return "\n".join(lines) + "\n"


_BY_QUANTITY = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED)
"""Where `lifecycle.by_quantity` can lead."""


def _cell(edge: Edge | None) -> str:
    if edge is None:
        return ""
    to = "=" if edge.to is KEEP else str(edge.to.value)
    return f"{to} >!{edge.beyond}" if edge.beyond else f"{to} !{edge.anomaly}" if edge.anomaly else to


def _to(state: OrderState, edge: Edge) -> str:
    return "the same" if edge.to is KEEP else "by quantity" if edge.to is BY_QUANTITY else f"`{edge.to.value}`"
