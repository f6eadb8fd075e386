"""Several venues and strategies in one core: what happens at one stays there, and everybody owns what is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from gateway.core.events import CancelRequested, Event, FeedStatus, InDoubt, MarketEvent
from gateway.core.settings import CoreSettings, Instrument, RiskLimits, Venue
from gateway.core.strategy import Cancel, Intent, New, Strategy, View
from gateway.core.values import CommandKind, FeedState, OrderState, Side
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings, strategy_settings

D = Decimal
OTHER = "ALT"
FEED = "FEED"
EURO = "EUR/USD"


class Nothing(msgspec.Struct, frozen=True):
    """No parameters, or nothing to remember."""


class Buyer(Strategy[Nothing, Nothing]):
    """Buys 1000 of every instrument at its best bid, once."""

    Params = Nothing
    Memory = Nothing

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        if not isinstance(event, MarketEvent) or any(view.working(event.symbol)) or not view.tradable:
            return memory, ()
        book = view.book(event.symbol)
        assert book is not None
        return memory, [New(symbol=event.symbol, side=Side.BUY, quantity=D(1000), price=book.bids[0].price)]


class Broken(Buyer):
    """Fails at everything."""

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        raise RuntimeError("a defect")


class Leaving(Buyer):
    """Takes the process for its own."""

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        raise SystemExit(1)


class Meddler(Buyer):
    """Tries to cancel the first order there is, whoever owns it."""

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        return memory, [Cancel(order_id="1-1")]


def two_venues(**more: object) -> CoreSettings:
    """SIM and ALT, with accounts of their own, and EUR/USD beside USD/JPY."""
    base = settings()
    other = replace(base.venues[VENUE], name=OTHER, session="FIX.4.4:GATEWAY->ALT", account="ACC-ALT")
    euro = Instrument(symbol=EURO, tick_size=D("0.00001"), lot_size=D(1000), currency="USD")
    changes = {"venues": {**base.venues, OTHER: other}, "instruments": {**base.instruments, EURO: euro}}
    return replace(base, **{**changes, **more})


def test_a_strategy_sees_the_market_of_its_own_venue_alone() -> None:
    here, there = Buyer(Nothing()), Buyer(Nothing())
    config = two_venues(strategies={"there": strategy_settings("there", there, venue=OTHER, account="ACC-ALT")})
    harness = Harness({"here": here, "there": there}, config).open()
    harness.book("155.990", "156.010", venue=OTHER)
    assert [(c.strategy, c.venue, c.account) for c in harness.sent()] == [("there", OTHER, "ACC-ALT")]
    harness.book("155.980", "156.010")
    assert [(c.strategy, c.venue) for c in harness.sent()][1:] == [("here", VENUE)]


def test_two_strategies_on_one_instrument_have_orders_and_positions_of_their_own() -> None:
    config = settings(strategies={"second": strategy_settings("second", Buyer(Nothing()), account="ACC-2")})
    harness = Harness({"first": Buyer(Nothing()), "second": Buyer(Nothing())}, config).open()
    harness.book("155.990", "156.010")
    owners = {command.strategy: command for command in harness.sent()}
    assert {name: command.account for name, command in owners.items()} == {"first": "ACC", "second": "ACC-2"}
    harness.fill(owners["first"].order_id, "400", "155.990")
    harness.fill(owners["second"].order_id, "1000", "155.990")
    assert harness.position("first") == 400
    assert harness.position("second", account="ACC-2") == 1000
    assert harness.position("second") == 0


def test_a_strategy_trades_every_instrument_it_is_configured_for() -> None:
    config = two_venues(strategies={"both": strategy_settings("both", Buyer(Nothing()), SYMBOL, EURO)})
    harness = Harness({"both": Buyer(Nothing())}, config).open()
    harness.book("1.10000", "1.10010", symbol=EURO)
    harness.book("155.990", "156.010")
    assert [command.symbol for command in harness.sent()] == [EURO, SYMBOL]
    harness.fill(harness.sent()[0].order_id, "1000", "1.1")
    assert harness.position("both", symbol=EURO) == 1000
    assert harness.position("both") == 0


def test_no_strategy_touches_the_orders_of_another() -> None:
    harness = Harness({"buyer": Buyer(Nothing()), "meddler": Meddler(Nothing())}).open()
    harness.book("155.990", "156.010")
    assert harness.sent()[0].order_id == "1-1"
    assert harness.sent(CommandKind.CANCEL) == []


@pytest.mark.parametrize("kind", [Broken, Leaving])
def test_an_exception_in_one_strategy_leaves_the_others_trading(kind: type[Buyer]) -> None:
    harness = Harness({"broken": kind(Nothing()), "buyer": Buyer(Nothing())}).open()
    harness.book("155.990", "156.010")
    assert [command.strategy for command in harness.sent()] == ["buyer"]
    for _ in range(3):
        harness.book("155.990", "156.010")
    assert harness.state.control.strategies["broken"].disabled is not None
    assert harness.anomalies().count("strategy_failed") == 3
    harness.confirm_cancel("1-1")
    harness.book("155.990", "156.010")
    assert [command.strategy for command in harness.sent()] == ["buyer", "buyer"]


@pytest.fixture
def desk() -> Harness:
    """An accepted order of the desk at each of two venues."""
    harness = Harness({}, two_venues()).open()
    for venue in (VENUE, OTHER):
        harness.accept(harness.request_order(venue=venue))
    return harness


def test_a_lost_venue_puts_only_its_own_requests_in_doubt(desk: Harness) -> None:
    waiting = {venue: desk.request_order(venue=venue) for venue in (VENUE, OTHER)}
    desk.disconnect(venue=OTHER)
    assert [event.order_id for event in desk.events(InDoubt)] == [waiting[OTHER]]
    assert desk.state.control.venues[VENUE].opened
    assert not desk.state.control.venues[OTHER].opened
    assert desk.order(desk.request_order()).state is OrderState.SUBMITTED
    assert desk.request_order(venue=OTHER) not in desk.state.execution.orders


def test_a_reconciliation_asks_about_the_orders_of_its_venue(desk: Harness) -> None:
    desk.disconnect(venue=OTHER)
    desk.log_on(OTHER)
    desk.settle(OTHER)
    assert set(desk.state.execution.asked) == {"1-2"}
    assert desk.order(desk.request_order()).state is OrderState.SUBMITTED  # the other one trades on meanwhile
    desk.answer_status("1-2", "0")
    assert desk.state.control.venues[OTHER].opened


def test_a_kill_of_one_venue_cancels_there_and_denies_there(desk: Harness) -> None:
    desk.kill(f"venue:{OTHER}")
    assert [(c.order_id, c.venue) for c in desk.sent(CommandKind.CANCEL)] == [("1-2", OTHER)]
    assert desk.request_order(venue=OTHER) not in desk.state.execution.orders
    assert desk.order(desk.request_order()).state is OrderState.SUBMITTED


def test_cancel_all_keeps_to_its_scope(desk: Harness) -> None:
    desk.feed(CancelRequested(actor="alice", request_id="c", scope=f"venue:{VENUE}"))
    assert [c.order_id for c in desk.sent(CommandKind.CANCEL)] == ["1-1"]


def test_the_rate_of_one_venue_holds_up_no_other() -> None:
    config = two_venues()
    slow = replace(config.venues[OTHER], rate_per_second=D(1), rate_burst=1)
    harness = Harness({}, replace(config, venues={**config.venues, OTHER: slow})).open()
    for venue in (OTHER, OTHER, OTHER, VENUE, VENUE, VENUE):
        harness.request_order(venue=venue)
    assert [command.venue for command in harness.sent()] == [OTHER, VENUE, VENUE, VENUE]
    assert len(harness.state.execution.pending) == 2


def fed(**limits: Decimal) -> CoreSettings:
    """SIM for orders, FEED for its prices."""
    base = settings(risk={"all": RiskLimits(**limits)}, reference_price=None)
    feed = Venue(name=FEED, session="FIX.4.4:GATEWAY->FEED", orders=False, ack_timeout_ns=1)
    return replace(base, venues={VENUE: replace(base.venues[VENUE], feed=FEED), FEED: feed})


def test_a_strategy_trades_on_prices_of_a_session_of_their_own() -> None:
    harness = Harness({"buyer": Buyer(Nothing())}, fed()).open()
    harness.book("155.990", "156.010", venue=FEED)
    assert [(command.venue, command.price) for command in harness.sent()] == [(VENUE, D("155.990"))]


def test_risk_compares_with_the_prices_of_the_feed() -> None:
    harness = Harness({}, fed(price_collar_pct=D(5))).open()
    assert harness.request_order() not in harness.state.execution.orders  # nothing to compare with yet
    harness.book("155.990", "156.010", venue=FEED)
    assert harness.order(harness.request_order(price="156")).state is OrderState.SUBMITTED
    assert harness.request_order(price="130") not in harness.state.execution.orders


def test_no_order_goes_to_a_session_for_market_data() -> None:
    harness = Harness({}, fed()).open()
    assert harness.request_order(venue=FEED) not in harness.state.execution.orders
    assert harness.records[-1].event.code == "unknown_venue"  # type: ignore[attr-defined]
    assert "orders go to: SIM" in harness.records[-1].event.reason  # type: ignore[attr-defined]


def test_a_lost_feed_takes_quotes_out_of_a_market_that_is_open() -> None:
    harness = Harness({"quoter": Quoter(QuoterParams())}, fed()).open()
    harness.book("155.990", "156.010", venue=FEED)
    for command in harness.sent():
        harness.accept(command.order_id)
    harness.disconnect(venue=FEED)
    harness.feed(FeedStatus(venue=FEED, status=FeedState.STALE))
    assert harness.state.control.venues[VENUE].opened
    assert [command.kind for command in harness.sent()][2:] == [CommandKind.CANCEL, CommandKind.CANCEL]


def test_orders_at_a_venue_that_is_not_configured_any_more_stay_known_and_harm_nobody(desk: Harness) -> None:
    unanswered = desk.request_order(venue=OTHER)
    desk.settings = settings()
    desk.start()
    desk.log_on()
    desk.settle()
    desk.answer_status("1-1", "0")
    while desk.next_deadline is not None:
        desk.pass_deadline()
    assert desk.order("1-2").state is OrderState.ACCEPTED
    assert desk.order(unanswered).in_doubt is not None
    assert desk.request_order(venue=OTHER) not in desk.state.execution.orders
    sent = len(desk.sent())
    desk.kill()
    assert [(c.order_id, c.venue) for c in desk.sent()[sent:]] == [("1-1", VENUE)]
    assert {i for i, p in desk.state.execution.pending.items() if p.why == "session"} == {"1-2", unanswered}
