"""What a strategy sees: enough, nothing else, and nothing that it could change. And which events it is consulted for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import Enum

import msgspec
import pytest

from gateway.core.events import Event, FeedStatus, MarketTrade, TimerFired
from gateway.core.settings import Trigger
from gateway.core.snapshot import image
from gateway.core.strategy import Action, Memory, New, Params, Strategy, View, Wake
from gateway.core.values import NANOS, FeedState, Side
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings, strategy_settings

D = Decimal
BUY = New(symbol=SYMBOL, side=Side.BUY, quantity=D(1000), price=D(156))


class Log(Memory):
    seen: tuple[str, ...] = ()


class Looking(Strategy[Params, Log]):
    """Buys twice, asks for a timer, keeps every view and event it was shown."""

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.shown: list[tuple[Event, View]] = []

    def on_event(self, event: Event, view: View, memory: Log) -> tuple[Log, Sequence[Action]]:
        self.shown.append((event, view))
        first = [BUY, BUY, Wake(name="t", after_ns=NANOS)] if not memory.seen else []
        return Log(seen=(*memory.seen, event.kind())), first


def busy() -> tuple[Harness, Looking, View]:
    """With an order that is partly filled, one that waits, a position, a book, a trade and a timer."""
    strategy = Looking(Params())
    harness = Harness({"mine": strategy}, settings(rate_per_second=D(1), rate_burst=1)).open()
    harness.book("155.990", "156.010")
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(156), quantity=D(1)))
    (order,) = harness.sent()
    harness.accept(order.order_id)
    harness.fill(order.order_id, "400")
    return harness, strategy, strategy.shown[-1][1]


ARGUMENTS = {"symbol": SYMBOL, "order_id": "1-1", "name": "t"}


def everything(view: View) -> Iterator[tuple[str, object]]:
    """Each public member of the view with what it gives."""
    for name, member in inspect.getmembers(View):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield name, getattr(view, name)
            continue
        wanted = [parameter for parameter in inspect.signature(member).parameters if parameter != "self"]
        given = [view.order("1-1") if parameter == "order" else ARGUMENTS[parameter] for parameter in wanted]
        yield name, getattr(view, name)(*given)


def mutable(value: object, path: str) -> Iterator[str]:
    """Everything within a value that could be changed."""
    if value is None or isinstance(value, str | int | Decimal | Enum):
        return
    if isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from mutable(entry, f"{path}[{index}]")
    elif isinstance(value, msgspec.Struct) and value.__struct_config__.frozen:
        for name in value.__struct_fields__:
            yield from mutable(getattr(value, name), f"{path}.{name}")
    else:
        yield f"{path}: {type(value).__name__}"


def test_everything_in_a_view_is_there_and_nothing_can_be_changed() -> None:
    _, _, view = busy()
    given = dict(everything(view))
    assert all(given[name] for name in ("working", "queued", "book", "last_trade", "position", "order", "timer", "terms")), (
        given
    )
    assert [problem for name, value in given.items() for problem in mutable(value, name)] == []


def test_events_cannot_be_changed_either() -> None:
    harness, strategy, _ = busy()
    harness.pass_deadline()
    assert {type(event).__name__ for event, _ in strategy.shown} >= {"BookSnapshot", "MarketTrade", "Accepted", "Filled"}
    assert [problem for event, _ in strategy.shown for problem in mutable(event, event.kind())] == []


def test_looking_changes_nothing() -> None:
    harness, _, view = busy()
    before, digest = image(harness.state), harness.state.digest()
    for _ in range(2):
        dict(everything(view))
        assert view.order("7-7") is None
        assert view.timer("no such") is None
        assert view.working("EUR/USD") == view.queued("EUR/USD") == ()
    nobody = View(harness.state, strategy_settings("nobody", Looking(Params())))
    sizes = {name: len(content) for name, content in vars(harness.state.execution).items() if isinstance(content, dict)}
    assert nobody.working(SYMBOL) == nobody.queued(SYMBOL) == ()
    assert nobody.position(SYMBOL).net_qty == 0
    assert {name: len(content) for name, content in vars(harness.state.execution).items() if isinstance(content, dict)} == sizes
    assert image(harness.state) == before
    assert harness.state.digest() == digest


@pytest.mark.parametrize("name", ["now_ns", "position", "anything", "_View__state"])
def test_a_view_cannot_be_written_to(name: str) -> None:
    _, _, view = busy()
    with pytest.raises(AttributeError, match="read-only"):
        setattr(view, name, 1)
    with pytest.raises(AttributeError, match="read-only"):
        delattr(view, name)
    assert not hasattr(view, "__dict__")


def test_orders_of_others_are_not_seen() -> None:
    strategy = Looking(Params())
    harness = Harness({"mine": strategy}).open()
    harness.book("155.990", "156.010")
    theirs = harness.request_order()
    view = strategy.shown[-1][1]
    assert harness.order(theirs)
    assert view.order(theirs) is None
    assert len(view.working(SYMBOL)) == 2
    assert theirs not in [order.order_id for order in view.working(SYMBOL)]


def consulted_for(*events: Trigger) -> list[str]:
    """Kinds a strategy with these `events` is shown of everything that happens to it."""
    strategy = Looking(Params())
    one = msgspec.structs.replace(strategy_settings("mine", strategy), events=events)
    harness = Harness({"mine": strategy}, settings(strategies={"mine": one})).open()
    harness.book("155.990", "156.010")
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(156), quantity=D(1)))
    harness.feed(FeedStatus(venue=VENUE, symbol=SYMBOL, status=FeedState.STALE))
    for command in harness.sent():
        harness.accept(command.order_id)
    while harness.next_deadline is not None:
        harness.pass_deadline()
    assert any(isinstance(event, TimerFired) for event, _ in strategy.shown) is bool(strategy.shown)
    return [event.kind() for event, _ in strategy.shown if not isinstance(event, TimerFired)]


def test_which_events_consult_a_strategy_is_configuration() -> None:
    assert consulted_for(Trigger.BOOK) == ["book_snapshot"]
    assert consulted_for(Trigger.TRADE) == ["market_trade"]
    assert consulted_for(Trigger.FEED) == ["feed_status"]
    assert consulted_for() == []
    assert consulted_for(Trigger.BOOK, Trigger.ORDER) == ["book_snapshot", "accepted", "accepted"]
    assert consulted_for(*Trigger) == ["book_snapshot", "market_trade", "feed_status", "accepted", "accepted"]


def test_types_of_parameters_and_memory_follow_from_the_class_line() -> None:
    class Narrower(Looking):
        pass

    assert (Looking.Params, Looking.Memory, Narrower.Memory) == (Params, Log, Log)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"typo":1}', type=Params)
    assert "Params" not in vars(Narrower)
