"""`gateway order`: sending, cancelling and resolving through the live process, looking up in the records.

A manual order is an intent like any other: what this prints is what risk and execution control said. An answer that is
missing is never called a failure.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import click

from gateway.cli import output
from gateway.cli.answers import answered
from gateway.cli.instance import Instance
from gateway.cli.listings import LIMIT, ORDERS, listing_command
from gateway.cli.options import asks, command, confirm, group, number, scope, wait, yes
from gateway.cli.order_lookup import order_document, order_history, print_history, print_order
from gateway.core.values import OrderState, OrderType, Side, TimeInForce
from gateway.errors import Denied, GatewayError, PreconditionFailed, UnknownOutcome, UsageError

order = group("order", "Orders: send, cancel, look up.")

_EXAMPLE = "gateway order new --venue SIM --symbol USD/JPY \\\n    --side buy --qty 1000 --price 110"
_TIMEOUT = 10.0
DISPOSITIONS = ("working", "filled", "cancelled", "rejected", "expired", "never-arrived")
_UNANSWERED = (None, OrderState.SUBMITTED)


@command("new", within=order, example=_EXAMPLE)
@click.option("--venue", required=True)
@click.option("--symbol", required=True)
@click.option("--side", required=True, type=click.Choice([side.value for side in Side]))
@click.option("--qty", required=True, callback=number, metavar="DECIMAL")
@click.option("--price", callback=number, metavar="DECIMAL", help="Of a limit or stop-limit order.")
@click.option("--stop-price", callback=number, metavar="DECIMAL", help="Of a stop or stop-limit order.")
@click.option("--type", "order_type", type=click.Choice([t.value for t in OrderType]), default="limit", show_default=True)
@click.option("--tif", type=click.Choice([t.value for t in TimeInForce]), default="day", show_default=True)
@click.option("--account", default="", help="The venue's configured account when left out.")
@wait
@asks(reason="optional")
def new(
    instance: Instance,
    qty: Decimal,
    price: Decimal | None,
    stop_price: Decimal | None,
    tif: str,
    wait: float,
    **values: Any,
) -> None:
    """Send an order as strategy `desk`.

    It passes risk and execution control like any intent. With --wait, exit code 1 means that the venue has rejected it, 7
    that it has not answered in time: the order may be working.
    """
    answer = instance.ask(
        "/orders",
        quantity=_text(qty),
        price=_text(price),
        stop_price=_text(stop_price),
        time_in_force=tif,
        wait_seconds=wait,
        timeout=_TIMEOUT + wait,
        **values,
    )
    _report(instance, answer)
    if answer["stage"] == "denied":
        raise _denial(answer)
    if answer["state"] == OrderState.REJECTED:
        raise GatewayError(f"order {answer['order_id']} was rejected: {answer['reason'] or 'no reason was given'}")
    if wait and answer["stage"] == "dispatched" and answer["state"] in _UNANSWERED:
        raise _unanswered(answer, f"within {wait:g} seconds")


@command("replace", within=order, example="gateway order replace 7-12 --price 110.25 --wait 5")
@click.argument("order_id")
@click.option("--qty", callback=number, metavar="DECIMAL", help="The whole quantity, what is filled included.")
@click.option("--price", callback=number, metavar="DECIMAL", help="Of a limit or stop-limit order.")
@click.option("--stop-price", callback=number, metavar="DECIMAL", help="Of a stop or stop-limit order.")
@wait
@asks(reason="optional")
def replace(
    instance: Instance,
    order_id: str,
    qty: Decimal | None,
    price: Decimal | None,
    stop_price: Decimal | None,
    wait: float,
    reason: str,
    request_id: str | None,
) -> None:
    """Give an order other terms; what is not given stays.

    It passes risk and execution control like any intent. With --wait, exit code 0 means that the venue has replaced it, 1 that
    it refused, 7 that it has not answered in time: the order may stand at the old or the new terms.
    """
    if qty is None and price is None and stop_price is None:
        raise UsageError("nothing to replace: give --qty, --price or --stop-price")
    answer = instance.ask(
        f"/orders/{quote(order_id, safe='')}/replace",
        quantity=_text(qty),
        price=_text(price),
        stop_price=_text(stop_price),
        reason=reason,
        request_id=request_id,
        timeout=_TIMEOUT + wait,
        wait_seconds=wait,
    )
    _report(instance, answer)
    if answer["stage"] == "denied":
        raise _denial(answer)
    if answer["timed_out"]:
        raise _unanswered(answer, f"to the replace within {wait:g} seconds")
    if answer["replaced"] is False:
        raise GatewayError(
            f"order {order_id} was not replaced{_because(answer)}: it is {answer['state']};"
            f" look at `gateway order history {order_id}`"
        )


@command("cancel", within=order, example="gateway order cancel 7-12 --wait 5")
@click.argument("order_id")
@wait
@asks(reason="optional")
def cancel(instance: Instance, order_id: str, wait: float, reason: str, request_id: str | None) -> None:
    """Cancel an order. With --wait, exit code 0 means that it is cancelled."""
    path = f"/orders/{quote(order_id, safe='')}/cancel"
    answer = instance.ask(path, reason=reason, request_id=request_id, timeout=_TIMEOUT + wait, wait_seconds=wait)
    _report(instance, answer)
    if answer["stage"] == "denied":
        raise _denial(answer)
    if not wait or answer["state"] == OrderState.CANCELLED:
        return
    if answer["timed_out"]:
        raise _unanswered(answer, f"to the cancel within {wait:g} seconds", cancelling=True)
    raise GatewayError(
        f"order {order_id} was not cancelled{_because(answer)}: it is {answer['state']};"
        f" look at `gateway order history {order_id}`"
    )


@command("cancel-all", within=order, example="gateway order cancel-all --scope venue:SIM --yes")
@scope
@yes
@asks(reason="optional")
def cancel_all(instance: Instance, scope: str, yes: bool, reason: str, request_id: str | None) -> None:
    """Cancel every open order in a scope; asks for the scope to be typed."""
    confirm(scope, f"cancelling every open order in {scope}", yes=yes)
    answer = instance.ask("/cancel-all", reason=reason, request_id=request_id, scope=scope)
    answered(instance, answer, f"cancels asked for in {scope}")


@command("resolve", within=order, example='gateway order resolve 7-12 --as cancelled --reason "venue desk"')
@click.argument("order_id")
@click.option("--as", "disposition", required=True, type=click.Choice(DISPOSITIONS), help="What the venue says it is.")
@click.option("--cum-qty", callback=number, metavar="DECIMAL", help="CumQty(14) there, when more is filled than is known.")
@click.option("--avg-px", callback=number, metavar="DECIMAL", help="AvgPx(6) of all that; the order's limit when left out.")
@asks(reason="required")
def resolve(instance: Instance, order_id: str, cum_qty: Decimal | None, avg_px: Decimal | None, **values: Any) -> None:
    """Say what became of an order in doubt.

    For a venue that does not answer here: you have asked it by other means. Recorded, and a later report of the venue is
    applied on top of it. `never-arrived`: the venue does not know the order. What is filled beyond what is known counts as
    an inferred fill.
    """
    path = f"/orders/{quote(order_id, safe='')}/resolve"
    _report(instance, instance.ask(path, cum_qty=_text(cum_qty), avg_px=_text(avg_px), **values))


@command("show", within=order, example="gateway order show 7-12")
@click.argument("order_id")
def show(instance: Instance, order_id: str) -> None:
    """One order as it stands; or, when it never left, what was decided about it."""
    found = order_document(instance, order_id)
    if instance.as_json:
        output.document(found)
    else:
        print_order(found)


@command("history", within=order, example="gateway order history 7-12")
@click.argument("order_id")
@click.option("--limit", type=click.IntRange(0), default=LIMIT * 10, show_default=True, help="Rows at most; 0 for all.")
def history(instance: Instance, order_id: str, limit: int) -> None:
    """Everything that happened to an order, oldest first."""
    found = order_history(instance, order_id, limit)
    if instance.as_json:
        output.rows(found)
    else:
        print_history(found)


listing_command(ORDERS, order)


def _report(instance: Instance, answer: dict[str, Any]) -> None:
    """What became of the request, on stdout; a denial is said on stderr when nobody asked for JSON."""
    outcome = answer.get("replaced")
    replaced = "" if outcome is None else ", replaced" if outcome else ", not replaced"
    if instance.as_json:
        shown = {name: answer[name] for name in ("order_id", "stage", "state")}
        if answer["code"] is not None:
            shown |= {"code": answer["code"], "reason": answer["reason"]}
        elif answer["reason"]:
            shown["reason"] = answer["reason"]
        if outcome is not None:
            shown["replaced"] = outcome
        output.document(shown | {"seq": answer["seq"], "timed_out": answer["timed_out"]})
    elif answer["stage"] != "denied":
        state = f", {answer['state']}" if answer["state"] else ""
        why = f" ({output.cell(answer['reason'])})" if answer["reason"] else ""
        click.echo(f"order {answer['order_id']}: {answer['stage']}{state}{replaced}{why}")


def _denial(answer: dict[str, Any]) -> GatewayError:
    """What cannot go now is a precondition, what cannot go like this a denial."""
    from gateway.core.risk import PRECONDITIONS

    text = f"order {answer['order_id'] or '(none)'} denied: {answer['code']}: {answer['reason']}"
    if answer["code"] in PRECONDITIONS:
        return PreconditionFailed(text)
    return Denied(text)


def _because(answer: dict[str, Any]) -> str:
    return f" ({output.cell(answer['reason'])})" if answer["reason"] else ""


def _unanswered(answer: dict[str, Any], what: str, *, cancelling: bool = False) -> UnknownOutcome:
    order_id = answer["order_id"]
    otherwise = "" if cancelling else f", or cancel it with `gateway order cancel {order_id}`"
    return UnknownOutcome(
        f"the venue has not answered {what}: order {order_id} may be working;"
        f" look at `gateway order show {order_id}`{otherwise}"
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
