"""The controls as data: what each checks, by which limits, and where the rule comes from. Pages are made from here.

The functions behind them have no docstrings that would repeat it. Every NEW and every REPLACE passes every control, in this
order; the first that objects is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gateway.core.orders import Command
from gateway.core.risk import exposure, flow, form, prices, switches
from gateway.core.state import State


class Control(msgspec.Struct, frozen=True):
    """One rule. `check` returns the reason to deny, or None. `limits`: the keys of `[risk]` that switch it on and set it, none
    for a control that always holds. `about`: one sentence on what is compared with what."""

    code: str
    title: str
    source: str
    check: Callable[[State, Command], str | None]
    limits: tuple[str, ...] = ()
    about: str = ""


class Reaction(msgspec.Struct, frozen=True):
    """A control that acts instead of denying: it belongs on the same page, and has no code of its own."""

    title: str
    source: str
    about: str
    limits: tuple[str, ...] = ()


_CREDIT = "SEC 15c3-5(c)(1)(i)"
_ERRONEOUS = "SEC 15c3-5(c)(1)(ii)"
_POSITION = "RTS 6 art. 15(4), 17(4); " + _CREDIT
_EXPOSURE = "RTS 6 art. 15(4), 17(2); " + _CREDIT
_PERMITTED = "RTS 6 art. 15(5); SEC 15c3-5(c)(2)(ii)"
_FORM = "FIX 4.4 vol. 4, NewOrderSingle(D)"
_KNOWN = "RTS 6 art. 15(5): permissions"
_VALUES = "values are in `currency` of the scope, else in the instrument's own"

CONTROLS: tuple[Control, ...] = (
    Control(
        "unknown_venue",
        "venue is configured, and takes orders",
        _KNOWN,
        form.known_venue,
        about="no order goes to a venue that is not configured or is for market data alone",
    ),
    Control(
        "unknown_symbol",
        "instrument is configured",
        _KNOWN,
        form.known_symbol,
        about="an instrument without tick, lot and currency cannot be checked, so it cannot be traded",
    ),
    Control(
        "bad_text",
        "no value can break out of its FIX field",
        "FIX 4.4 vol. 1: field delimiter",
        form.legal_text,
        about="an account with SOH, `=`, a control character or anything outside ASCII is refused",
    ),
    Control(
        "bad_order",
        "quantity and prices fit the order type",
        _FORM,
        form.form,
        about="quantity and prices are above zero, of fifteen digits at most, and just those that the order type takes",
    ),
    Control(
        "quantity_filled",
        "a replace leaves something open",
        "FIX 4.4 vol. 4, appendix D",
        form.above_cum_qty,
        about="the new quantity is above CumQty(14); to end an order, cancel it",
    ),
    Control(
        "external_order",
        "only orders whose terms are known are replaced",
        _FORM,
        form.terms_known,
        about="an order of another origin can be cancelled, not replaced: a replace states all terms",
    ),
    Control(
        "order_in_doubt",
        "only orders whose state is known are replaced",
        "RTS 6 art. 17(2)",
        switches.not_in_doubt,
        about="new terms for an order whose own terms are unknown would make two unknowns of one",
    ),
    Control(
        "replaced_too_often",
        "ClOrdIDs stay short enough",
        "FIX 4.4 vol. 1: ClOrdID(11)",
        form.not_too_often,
        about="after 90 requests about one order it is cancelled or left; a cancel always finds a name",
    ),
    Control(
        "off_tick",
        "prices on the tick grid",
        "MiFIR RTS 11: tick sizes",
        form.on_tick,
        about="price and stop price are multiples of the instrument's `tick_size`",
    ),
    Control(
        "off_lot",
        "quantity on the lot grid",
        _FORM,
        form.on_lot,
        about="the quantity is a multiple of the instrument's `lot_size`",
    ),
    Control(
        "kill_engaged",
        "no new risk under the kill switch",
        "RTS 6 art. 12",
        switches.killed,
        about="nothing but cancels while the switch is engaged for any scope of the order",
    ),
    Control(
        "trading_disabled",
        "trading state of every scope",
        "RTS 6 art. 12, 15(5)",
        switches.trading,
        about="disabled, or an invariant broken: nothing; reduced: only what brings position and open orders nearer to zero",
    ),
    Control(
        "strategy_disabled",
        "strategy not disabled after errors",
        "RTS 6 art. 12, 15(3)",
        switches.strategy_enabled,
        about="a strategy that failed or executed too often trades again when a person has enabled it",
    ),
    Control(
        "venue_not_open",
        "logged on, numbers settled, reconciled",
        "RTS 6 art. 17(3)",
        switches.venue_open,
        about="no new risk at a venue whose account of our orders is not known to agree with ours",
    ),
    Control(
        "restricted",
        "instrument not on a restricted list",
        _PERMITTED,
        switches.restricted,
        ("restricted",),
        "the symbol is on no restricted list of any scope",
    ),
    Control(
        "not_permitted",
        "instrument, side and strategy permitted in every scope",
        _PERMITTED,
        switches.permitted,
        ("permitted_instruments", "permitted_sides", "permitted_strategies"),
        "where a scope lists what is permitted, everything else is not",
    ),
    Control(
        "market_data_stale",
        "prices recent enough to trade on",
        "RTS 6 art. 16(1), 17(3)",
        prices.market_data_age,
        ("max_market_data_age_seconds",),
        "the newer of book and last trade, by stream time; a stale feed or one with a gap is too old",
    ),
    Control(
        "max_order_quantity",
        "order volume",
        "RTS 6 art. 15(1)(c); " + _ERRONEOUS,
        prices.quantity,
        ("max_order_quantity",),
        "the whole quantity of the order, also of a replace",
    ),
    Control(
        "max_order_value",
        "order value",
        "RTS 6 art. 15(1)(b); " + _ERRONEOUS,
        prices.value,
        ("max_order_value", "currency"),
        "quantity x price x multiplier, a market order at the reference; " + _VALUES,
    ),
    Control(
        "price_collar",
        "price against a reference",
        "RTS 6 art. 15(1)(a); " + _ERRONEOUS,
        prices.collar,
        ("price_collar_pct",),
        "price and stop price against the mid of a live book, else the best price, the last trade, `reference_price`",
    ),
    Control(
        "fat_finger",
        "price against the last trade",
        "RTS 6 art. 15(1)(a); " + _ERRONEOUS,
        prices.fat_finger,
        ("fat_finger_pct",),
        "price and stop price against the last trade seen; before the first one against what the collar compares with",
    ),
    Control(
        "max_open_orders",
        "open orders per scope",
        "RTS 6 art. 15(1)(d); " + _CREDIT,
        exposure.open_orders,
        ("max_open_orders",),
        "orders that are open or approved and waiting, this one included",
    ),
    Control(
        "max_position",
        "position with every open order filled, long and short",
        _POSITION,
        exposure.position,
        ("max_position_long", "max_position_short"),
        "units of one instrument: what is held, what is open on the order's side, and this order",
    ),
    Control(
        "max_gross_exposure",
        "value of all positions and open orders, sign aside",
        _EXPOSURE,
        exposure.gross,
        ("max_gross_exposure", "currency"),
        "each position at its worst case, at the reference price, this order at the worse of its own and the reference; "
        + _VALUES,
    ),
    Control(
        "max_net_exposure",
        "value of all positions and open orders, netted",
        _EXPOSURE,
        exposure.net,
        ("max_net_exposure", "currency"),
        "positions netted, with every open order on the order's side filled; " + _VALUES,
    ),
    Control(
        "max_daily_value",
        "value traded today and open",
        "RTS 6 art. 15(1)(b), 15(4); " + _CREDIT,
        exposure.daily_value,
        ("max_daily_value", "currency"),
        "executed this trading day, open on both sides, and this order; " + _VALUES,
    ),
    Control(
        "max_daily_orders",
        "new orders today",
        "RTS 6 art. 15(1)(d)",
        exposure.daily_orders,
        ("max_daily_orders",),
        "new orders approved this trading day, sent or not",
    ),
    Control(
        "max_orders_per_second",
        "order rate",
        "RTS 6 art. 15(1)(d); " + _ERRONEOUS,
        flow.order_rate,
        ("max_orders_per_second",),
        "new orders and replaces approved in any second of stream time, not in each of the clock",
    ),
    Control(
        "duplicate_order",
        "not the same order again",
        _ERRONEOUS,
        flow.duplicate,
        ("duplicate_order_seconds",),
        "same account, strategy, venue, symbol, side, type, time in force, quantity and prices within the time",
    ),
    Control(
        "self_match",
        "no trade with oneself",
        "MAR art. 12(1)(a), 12(2)(c); RTS 6 art. 13",
        flow.self_match,
        ("prevent_self_match",),
        "no own open order of the scope at the same venue could trade with it; a stop matches nothing until triggered",
    ),
)

REACTIONS: tuple[Reaction, ...] = (
    Reaction(
        "repeated executions disable the strategy",
        "RTS 6 art. 15(3)",
        "so many executions of one strategy within the time disable it, cancel what it has open and drop what waits, until a"
        " person enables it (`gateway trading enable --scope strategy:NAME`); it then counts anew",
        ("max_repeated_executions", "repeated_execution_seconds"),
    ),
    Reaction(
        "kill switch",
        "RTS 6 art. 12",
        "the gate in front of the wire closes, what waits is dropped, everything open in the scope is cancelled, each cancel"
        " followed to an outcome; no limit and no rate limit of ours holds a cancel back",
    ),
    Reaction(
        "errors disable the strategy",
        "RTS 6 art. 12",
        "a strategy that raised three errors is not consulted until a person enables it; what waits goes, its orders stay",
    ),
)

OTHER_CODES: Mapping[str, str] = {
    "no_reference": "a control compares with a market price, and there is no feed, no trade and no `reference_price`",
    "no_rate": "a limit in another currency than the instrument's, and `[risk.rates]` does not tell what the two are worth",
    "rule_error": "a control failed; what it cannot check does not pass",
    "unknown_order": "the order to cancel or replace does not exist",
    "order_closed": "the order to cancel or replace has ended",
    "no_change": "a replace that asks for the terms the order has, or was last asked to have",
}
CODES = frozenset(control.code for control in CONTROLS) | frozenset(OTHER_CODES)
"""Every code a denial can carry."""
PRECONDITIONS = frozenset({"kill_engaged", "trading_disabled", "strategy_disabled", "venue_not_open", "order_in_doubt"})
"""Denials that say `not now` rather than `not like this`."""
