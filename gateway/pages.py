"""Pages that are made from the code, so that they cannot disagree with it: docs/vocabulary.md.

    python -m gateway.pages            # write them (scripts/pages)
    python -m gateway.pages --check    # exit code 1 when a committed page is not what the code says

Every meaning on the page stands in the code: a docstring, or a table of words beside what uses them. Nothing here explains.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from textwrap import dedent

from prometheus_client.metrics import MetricWrapperBase

import gateway
from gateway import errors
from gateway.config import model
from gateway.core import lifecycle, risk, vocabulary
from gateway.core.events import DERIVED, EVENTS, Event, OperatorEvent, SessionEvent
from gateway.core.events.execution import ExecutionEvent
from gateway.core.events.market import MarketEvent
from gateway.core.values import (
    SCOPE_KINDS,
    CommandKind,
    FeedState,
    FillStatus,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from gateway.records import decisions, runs
from gateway.runtime.settings import session_id
from gateway.telemetry.gauges import GaugeSnapshot
from gateway.telemetry.metrics import PREFIX, Metrics

TARGET = Path(gateway.__file__).parents[1] / "docs" / "vocabulary.md"
_INTRODUCTION = """\
# Vocabulary

Every word that events, records, metrics and the command line can hold, and what it means. Made from the code by
`scripts/pages`; a test compares the two. Words are added with a release, never renamed. Columns not listed here hold what a
counterparty or an operator said, verbatim (`venue_status` is OrdStatus(39), `exec_type` ExecType(150)), ids, numbers or times.
"""


def vocabulary_page() -> str:
    """The text of docs/vocabulary.md."""
    parts = [_INTRODUCTION, *_orders(), *_decisions(), *_records(), *_events(), *_configuration(), *_metrics(), *_exit_codes()]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; the exit code."""
    page = vocabulary_page()
    if "--check" in arguments:
        same = TARGET.is_file() and TARGET.read_text("utf-8") == page
        sys.stderr.write(f"{TARGET}: {'as the code says' if same else 'not what the code says: run scripts/pages'}\n")
        return 0 if same else 1
    TARGET.write_text(page, "utf-8")
    return 0


# ------------------------------------------------------------------------------------------------------------- sections


def _orders() -> Iterator[str]:
    yield "## Orders\n"
    yield "`v_orders.state`, `v_order_events.from_state` and `to_state`:\n"
    yield _words(members(OrderState))
    yield "`v_orders.in_doubt_reason`:\n"
    yield _words(vocabulary.DOUBTS)
    for name, kind in (("side", Side), ("order_type", OrderType), ("time_in_force", TimeInForce)):
        yield f"`{name}`: {_list(kind)}.\n"
    yield "`strategy`: the configured name; `desk` for an operator's orders, `external` for orders the gateway did not send.\n"
    yield "`v_fills.status`, one row an ExecID(17):\n"
    yield _words(members(FillStatus))
    yield "### The life of an order\n"
    yield _prose(lifecycle) + "\n"
    yield (
        "What happened against the state before; the cell is the state after, `=` the same, `by quantity` what CumQty says,"
        " `!` an anomaly. An empty cell is no edge: the anomaly `no_edge`, and the state is untouched.\n"
    )
    yield _table(
        ("What happened", *(f"{state}" for state in OrderState)),
        ((f"`{what}`", *(_cell(edges.get(state)) for state in OrderState)) for what, edges in lifecycle.TABLE.items()),
    )
    yield "Edges that surprise, and the market's reason for them:\n"
    yield _table(
        ("What happened", "State before", "Why"),
        (
            (f"`{what}`", f"`{state}`", edge.note)
            for what, edges in lifecycle.TABLE.items()
            for state, edge in edges.items()
            if edge.note
        ),
    )


def _cell(edge: lifecycle.Edge | None) -> str:
    if edge is None:
        return ""
    to = "=" if edge.to is lifecycle.KEEP else str(edge.to.value)
    return f"{to} !{edge.anomaly}" if edge.anomaly else to


def _decisions() -> Iterator[str]:
    yield "## Decisions\n"
    yield f"`v_decisions.intent`: {_list(CommandKind)}. `v_decisions.outcome`:\n"
    yield _words(decisions.OUTCOMES)
    yield "`v_decisions.reason` while it is queued; otherwise the reason is a sentence, with the numbers:\n"
    yield _words(vocabulary.WAITS)
    yield "`v_decisions.trading_state`: `killed`, or\n"
    yield _words(members(TradingState))
    yield "`v_decisions.code` of a denial: the first control, in this order, that objected. Every order passes all of them.\n"
    yield _table(("Code", "What is checked", "After"), ((f"`{c.code}`", c.title, c.source) for c in risk.CONTROLS))
    yield _words(risk.OTHER_CODES)
    yield "and of what was not denied and yet did not reach the venue:\n"
    yield _words(decisions.CODES)


def _records() -> Iterator[str]:
    yield "## Records\n"
    yield "`v_position_events.cause`:\n"
    yield _words(vocabulary.POSITION_CAUSES)
    yield "`v_anomalies.kind`, and `v_order_events.anomaly`:\n"
    yield _words(vocabulary.ANOMALIES)
    yield f"`session`: {_prose(session_id)}\n"
    yield "`v_sessions.state`:\n"
    yield _words(vocabulary.SESSION_STATES)
    yield "`v_session_events.event`:\n"
    yield _words(vocabulary.SESSION_EVENTS)
    yield (
        "`v_operator_actions.action`; `scope` is `order:ID`, "
        + ", ".join(["`all`", *(f"`{kind}:NAME`" for kind in SCOPE_KINDS)])
        + ":\n"
    )
    yield _words({kind: _prose(event) for kind, event in EVENTS.items() if issubclass(event, OperatorEvent)})
    yield "`v_runs.runtime`:\n"
    yield _words(runs.RUNTIMES)


def _events() -> Iterator[str]:
    yield "## Events\n"
    yield "The kinds of the journal, of `events_total{kind}`, and, where they concern an order, of `v_order_events.event`.\n"
    families: dict[str, list[type[Event]]] = {
        "Market": [],
        "Execution": [],
        "Session": [],
        "Operator": [],
        "Decided": [],
        "Other": [],
    }
    for event in EVENTS.values():
        families[_family(event)].append(event)
    for family, events in families.items():
        yield f"### {family}\n"
        yield _words({event.kind(): _prose(event) for event in events})
    yield f"Feed status: {_list(FeedState)}.\n"


def _family(event: type[Event]) -> str:
    for root, family in (
        (MarketEvent, "Market"),
        (ExecutionEvent, "Execution"),
        (SessionEvent, "Session"),
        (OperatorEvent, "Operator"),
    ):
        if issubclass(event, root):
            return family
    return "Decided" if event.kind() in DERIVED else "Other"


def _configuration() -> Iterator[str]:
    yield "## Risk keys\n"
    yield "`[risk]` and the scopes that narrow it. Every scope that sets a limit is checked; a narrower one only tightens.\n"
    titles = {control.code: control.title for control in risk.CONTROLS}
    said = members(model.RiskLimits)
    yield _words({name: said[name] or titles[name.removesuffix("_pct")] for name in model.RiskLimits.model_fields})


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield _table(("Name", "Type", "Labels", "Meaning"), sorted(_families()))


def _families() -> Iterator[tuple[str, str, str, str]]:
    nothing = GaugeSnapshot(
        trading_state="enabled", kill_engaged=False, orders_open=0, queue_depth=0, intake_depth=0, record_lag_events=0,
        record_lag_seconds=0.0, disk_free_bytes=0,
    )  # fmt: skip
    metrics = Metrics(lambda: nothing)
    labels = {
        one._name: one._labelnames  # the library shows them nowhere else
        for one in metrics.registry._collector_to_names
        if isinstance(one, MetricWrapperBase)
    }
    for family in metrics.registry.collect():
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        known = labels.get(family.name, getattr(family, "_labelnames", ()))
        yield f"`{name.removeprefix(PREFIX + '_')}`", family.type, ", ".join(known), family.documentation


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "0 is done. Everything else is one of these, with one line on stderr:\n"
    yield "```\n" + dedent((errors.__doc__ or "").split("\n\n", 2)[2]).rstrip() + "\n```\n"


# ------------------------------------------------------------------------------------------------------------ from code


def members(kind: type) -> dict[str, str]:
    """Values of an enum, or fields of a model, with the string that stands after each in the source."""
    found: dict[str, str] = {}
    [body] = (node.body for node in ast.parse(dedent(inspect.getsource(kind))).body if isinstance(node, ast.ClassDef))
    for statement, following in zip(body, [*body[1:], None], strict=True):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        if not isinstance(target, ast.Name):
            continue
        said = following.value.value if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant) else ""
        name = str(kind[target.id].value) if issubclass(kind, Enum) else target.id
        found[name] = " ".join(str(said).split())
    return found


def _prose(thing: object) -> str:
    """The first paragraph of a docstring, on one line; of a module the second, which says what the first line names."""
    text = inspect.cleandoc(thing.__doc__ or "")
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    if inspect.ismodule(thing):
        return "\n\n".join(part for part in paragraphs[1:] if part).replace("Theory of operation ------------------- ", "")
    return paragraphs[0]


def _list(kind: type[Enum]) -> str:
    return ", ".join(f"`{member.value}`" for member in kind)


def _words(meanings: Mapping[str, str]) -> str:
    return _table(("Word", "Meaning"), ((f"`{word}`", meaning) for word, meaning in meanings.items()))


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "".join("| " + " | ".join(_escaped(cell) for cell in line) + " |\n" for line in lines)


def _escaped(cell: str) -> str:
    return re.sub(r"\s+", " ", cell).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
