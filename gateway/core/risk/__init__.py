"""Risk: is this allowed? Allow, or deny with a code, a reason with numbers, and a source.

Every NEW and every REPLACE passes every control, in the order of `CONTROLS`; the first that objects is the answer. A control
that raises denies (`rule_error`). Controls never schedule, delay or change anything. Cancels are never denied.

What each checks and where the rule comes from stands in `CONTROLS` and nowhere else: the functions behind it have no docstrings
that would repeat it.

Limits come from the configuration by scope (all, venue, strategy, account, instrument). Every scope that sets a limit is
checked: a narrower scope can tighten a limit, never loosen it. Exposure counts from approval: queued orders count as open, and
an order that is being replaced counts at the larger of old and new.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.core.orders import Command
from gateway.core.risk import exposure, flow, form, prices, switches
from gateway.core.risk.basis import NO_REFERENCE
from gateway.core.state import State


class Denial(msgspec.Struct, frozen=True):
    """`code` is one of `CODES`; `reason` is for people, with the numbers."""

    code: str
    reason: str


class Control(msgspec.Struct, frozen=True):
    """One rule. `check` returns the reason to deny, or None."""

    code: str
    title: str
    source: str
    check: Callable[[State, Command], str | None]


def check(state: State, command: Command) -> Denial | None:
    """The first objection, or None when the order may go."""
    for control in CONTROLS:
        try:
            reason = control.check(state, command)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong inside a rule, the order must not pass it
            return Denial("rule_error", f"{control.code}: {type(error).__name__}: {error}")
        if reason == NO_REFERENCE:
            return Denial("no_reference", f"{control.code} has nothing to compare with: no feed, no trade, no reference_price")
        if reason is not None:
            return Denial(control.code, reason)
    return None


_CREDIT = "SEC 15c3-5(c)(1)"
_ERRONEOUS = "SEC 15c3-5(c)(1)(ii)"
_POSITION = "RTS 6 art. 15(4), 17(2); SEC 15c3-5(c)(1)(i)"
_PERMITTED = "RTS 6 art. 15(4); SEC 15c3-5(c)(2)(ii)"
_FORM = "FIX 4.4 vol. 4, NewOrderSingle(D)"
CONTROLS: tuple[Control, ...] = (
    Control("unknown_venue", "venue is configured, and takes orders", "RTS 6 art. 15(4): permissions", form.known_venue),
    Control("unknown_symbol", "instrument is configured", "RTS 6 art. 15(4): permissions", form.known_symbol),
    Control("bad_text", "no value can break out of its FIX field", "FIX 4.4 vol. 1: field delimiter", form.legal_text),
    Control("bad_order", "quantity and prices fit the order type", _FORM, form.form),
    Control("quantity_filled", "a replace leaves something open", "FIX 4.4 vol. 4, appendix D", form.above_cum_qty),
    Control("external_order", "only orders whose terms are known are replaced", _FORM, form.terms_known),
    Control("order_in_doubt", "only orders whose state is known are replaced", "RTS 6 art. 17", switches.not_in_doubt),
    Control("replaced_too_often", "ClOrdIDs stay short enough", "FIX 4.4 vol. 1: ClOrdID(11)", form.not_too_often),
    Control("off_tick", "prices on the tick grid", "MiFIR RTS 11: tick sizes", form.on_tick),
    Control("off_lot", "quantity on the lot grid", _FORM, form.on_lot),
    Control("kill_engaged", "no new risk under the kill switch", "RTS 6 art. 12", switches.killed),
    Control("trading_disabled", "trading state of every scope", "RTS 6 art. 15(5), 17; SEC 15c3-5(c)(2)(iv)", switches.trading),
    Control("strategy_disabled", "strategy not disabled after errors", "RTS 6 art. 12, 15(3)", switches.strategy_enabled),
    Control("venue_not_open", "logged on, numbers settled, reconciled", "RTS 6 art. 17", switches.venue_open),
    Control("restricted", "instrument not on a restricted list", _PERMITTED, switches.restricted),
    Control("not_permitted", "instrument, side and strategy permitted in every scope", _PERMITTED, switches.permitted),
    Control("market_data_stale", "prices recent enough to trade on", "RTS 6 art. 16(1), 17(3)", prices.market_data_age),
    Control("max_order_quantity", "order volume", "RTS 6 art. 15(1)(c); " + _CREDIT, prices.quantity),
    Control("max_order_value", "order value", "RTS 6 art. 15(1)(b); " + _CREDIT, prices.value),
    Control("price_collar", "price against a reference", "RTS 6 art. 15(1)(a); " + _CREDIT, prices.collar),
    Control("fat_finger", "price against the last trade", "RTS 6 art. 15(1)(a); " + _CREDIT, prices.fat_finger),
    Control("max_open_orders", "open orders per scope", "RTS 6 art. 15(1)(d), 15(3); " + _CREDIT, exposure.open_orders),
    Control("max_position", "position with every open order filled, long and short", _POSITION, exposure.position),
    Control("max_gross_exposure", "value of all positions and open orders, sign aside", _POSITION, exposure.gross),
    Control("max_net_exposure", "value of all positions and open orders, netted", _POSITION, exposure.net),
    Control("max_daily_value", "value traded today and open", "RTS 6 art. 15(1)(b), 15(4); " + _CREDIT, exposure.daily_value),
    Control("max_daily_orders", "new orders today", "RTS 6 art. 15(1)(d)", exposure.daily_orders),
    Control("max_orders_per_second", "order rate", "RTS 6 art. 15(1)(d); " + _ERRONEOUS, flow.order_rate),
    Control("duplicate_order", "not the same order again", _ERRONEOUS, flow.duplicate),
    Control("self_match", "no trade with oneself", "MAR art. 12(1)(a), 12(2)(c); RTS 6 art. 13", flow.self_match),
)
OTHER_CODES = {
    "no_reference": "a control compares with a market price, and there is no feed, no trade and no `reference_price`",
    "rule_error": "a control failed; what it cannot check does not pass",
    "unknown_order": "the order to cancel or replace does not exist",
    "order_closed": "the order to cancel or replace has ended",
    "no_change": "a replace that asks for the terms the order has, or was last asked to have",
}
CODES = frozenset(control.code for control in CONTROLS) | frozenset(OTHER_CODES)
"""Every code a denial can carry."""
PRECONDITIONS = frozenset({"kill_engaged", "trading_disabled", "strategy_disabled", "venue_not_open", "order_in_doubt"})
"""Denials that say `not now` rather than `not like this`."""
