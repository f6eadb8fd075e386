"""docs/vocabulary.md: every word that events, records, metrics and the command line can hold.

Every meaning on the page stands in the code: a docstring, or a table of words beside what uses them. Nothing here explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

from prometheus_client.metrics import MetricWrapperBase

from gateway import errors
from gateway.core import risk, vocabulary
from gateway.core.events import DERIVED, EVENTS, Event, OperatorEvent, SessionEvent
from gateway.core.events.execution import ExecutionEvent
from gateway.core.events.market import MarketEvent
from gateway.core.values import (
    SCOPE_KINDS,
    CommandKind,
    Doubt,
    FeedState,
    FillStatus,
    Hold,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from gateway.pages.markdown import listed, members, prose, table, words
from gateway.pages.risk import limit_keys
from gateway.records import decisions, runs
from gateway.runtime.settings import session_id
from gateway.telemetry.gauges import GaugeSnapshot
from gateway.telemetry.metrics import PREFIX, Metrics

INTRODUCTION = """\
# Vocabulary

Every word that events, records, metrics and the command line can hold, and what it means. Made from the code by
`scripts/pages`; a test compares the two. Words are added with a release, never renamed. Columns not listed here hold what a
counterparty or an operator said, verbatim (`venue_status` is OrdStatus(39), `exec_type` ExecType(150)), ids, numbers or times.
"""


def page() -> str:
    """The text of docs/vocabulary.md."""
    parts = [INTRODUCTION, *_orders(), *_decisions(), *_records(), *_events(), *_configuration(), *_metrics(), *_exit_codes()]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _orders() -> Iterator[str]:
    yield "## Orders\n"
    yield "`v_orders.state`, `v_order_events.from_state` and `to_state`:\n"
    yield words(members(OrderState))
    yield "`v_orders.in_doubt_reason`:\n"
    yield words(members(Doubt))
    for name, kind in (("side", Side), ("order_type", OrderType), ("time_in_force", TimeInForce)):
        yield f"`{name}`: {listed(kind)}.\n"
    yield "`strategy`: the configured name; `desk` for an operator's orders, `external` for orders the gateway did not send.\n"
    yield "`v_fills.status`, one row an ExecID(17):\n"
    yield words(members(FillStatus))
    yield "What moves an order from state to state, and why, is in [lifecycle](lifecycle.md).\n"


def _decisions() -> Iterator[str]:
    yield "## Decisions\n"
    yield f"`v_decisions.intent`: {listed(CommandKind)}. `v_decisions.outcome`:\n"
    yield words(decisions.OUTCOMES)
    yield "`v_decisions.reason` while it is queued; otherwise the reason is a sentence, with the numbers:\n"
    yield words(members(Hold))
    yield "`v_decisions.trading_state`: `killed`, or\n"
    yield words(members(TradingState))
    yield "`v_decisions.code` of a denial: the first control, in this order, that objected ([risk](risk.md)).\n"
    yield words({**{control.code: control.title for control in risk.CONTROLS}, **risk.OTHER_CODES})
    yield "and of what was not denied and yet did not reach the venue:\n"
    yield words(decisions.CODES)


def _records() -> Iterator[str]:
    yield "## Records\n"
    yield "`v_position_events.cause`:\n"
    yield words(vocabulary.POSITION_CAUSES)
    yield "`v_anomalies.kind`, and `v_order_events.anomaly`:\n"
    yield words(vocabulary.ANOMALIES)
    yield f"`session`: {prose(session_id)}\n"
    yield "`v_sessions.state`:\n"
    yield words(vocabulary.SESSION_STATES)
    yield "`v_session_events.event`:\n"
    yield words(vocabulary.SESSION_EVENTS)
    yield (
        "`v_operator_actions.action`; `scope` is `order:ID`, "
        + ", ".join(["`all`", *(f"`{kind}:NAME`" for kind in SCOPE_KINDS)])
        + ":\n"
    )
    yield words({kind: prose(event) for kind, event in EVENTS.items() if issubclass(event, OperatorEvent)})
    yield "`v_runs.runtime`:\n"
    yield words(runs.RUNTIMES)


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
        yield words({event.kind(): prose(event) for event in events})
    yield f"Feed status: {listed(FeedState)}.\n"


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
    yield limit_keys()


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield table(("Name", "Type", "Labels", "Meaning"), sorted(_families()))


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
