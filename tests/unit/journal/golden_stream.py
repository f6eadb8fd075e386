"""A trading day as a journal, kept with every release: later builds must fold it to what it was, this one decides it again.

    python tests/unit/journal/golden_stream.py            # the digest after the last event, from the committed journal
    python tests/unit/journal/golden_stream.py --write    # before a release: play the day anew and write what came of it

Beside the journal stand the orders, executions and positions it leads to, which hold for ever, and digests of the state, which
hold for the build that wrote them: a state with another field has other digests. Nothing here needs more than the core.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway import __version__
from gateway.core.codec import decode, encode
from gateway.core.core import AnyStrategy, Core
from gateway.core.events import FillBusted, FillCorrected, Recorded, TradingDayRolled, TradingSwitched
from gateway.core.settings import CoreSettings, RiskLimits, StrategySettings
from gateway.core.state import State
from gateway.core.values import Side, TradingState
from gateway.strategies.momentum import Momentum, MomentumParams
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings, strategy_settings

GOLDEN = Path(__file__).with_name("golden")
EVERY = 10
"""Events between two digests."""
OTHER, EUR = "ALT", "EUR/USD"


def strategies(_settings: object = None) -> dict[str, AnyStrategy]:
    """What decides in the day."""
    return {
        "maker": Quoter(QuoterParams(quantity=Decimal(3000), max_inventory=Decimal(6000))),
        "taker": Momentum(MomentumParams(quantity=Decimal(2000))),
    }


def configuration() -> CoreSettings:
    base = settings(
        rate_per_second=Decimal(200),
        rate_burst=20,
        risk={"all": RiskLimits(price_collar_pct=Decimal(5), max_orders_per_second=50, max_open_orders=20)},
    )
    made = strategies()
    configured: dict[str, StrategySettings] = {
        "maker": strategy_settings("maker", made["maker"], SYMBOL),
        "taker": strategy_settings("taker", made["taker"], EUR, venue=OTHER),
    }
    euro = replace(
        base.instruments[SYMBOL], symbol=EUR, tick_size=Decimal("0.00001"), currency="USD", reference_price=Decimal("1.1")
    )
    other = replace(base.venues[VENUE], name=OTHER, session="FIX.4.2:GATEWAY->ALT")
    return replace(
        base,
        instruments={**base.instruments, EUR: euro},
        venues={**base.venues, OTHER: other},
        strategies=configured,
    )


def play() -> Harness:
    """The day."""
    harness = Harness(strategies(), configuration()).open()
    said = {"actor": "alice", "reason": "golden"}
    for tick in range(6):
        harness.book(f"155.9{tick}", f"156.0{tick}")
        harness.book(f"1.10{tick}00", f"1.10{tick}10", venue=OTHER, symbol=EUR)
        for order_id in list(harness.state.execution.open["all"]):
            harness.accept(order_id)
    for number, order_id in enumerate(list(harness.state.execution.open["strategy:maker"])):
        harness.fill(order_id, str(1000 * (number + 1)), "156", exec_id=f"M{number}")
    resting = harness.request_order(Side.BUY, "10000", "155.5")
    harness.accept(resting)
    harness.request_replace(resting, quantity="12000", price="155.6")
    harness.confirm_replace(resting)
    harness.fill(resting, "4000", "155.6", exec_id="D1")
    harness.report(FillCorrected, resting, exec_id="C1", exec_ref_id="D1", last_qty=Decimal(3000), last_px=Decimal("155.6"))
    harness.report(FillBusted, resting, exec_id="B1", exec_ref_id="C1")
    unanswered = harness.request_order(Side.SELL, "5000", "156.4")
    harness.pass_deadline()
    harness.answer_status(unanswered, "0", cum_qty=Decimal(2000), avg_px=Decimal("156.4"), leaves_qty=Decimal(3000))
    abroad = harness.request_order(Side.SELL, "7000", "1.12", venue=OTHER, symbol=EUR)
    harness.disconnect(venue=OTHER)
    harness.log_on(OTHER)
    harness.settle(OTHER)
    harness.answer_status(abroad, "2", cum_qty=Decimal(7000), avg_px=Decimal("1.12"))
    for order_id in list(harness.state.execution.open[f"venue:{OTHER}"]):
        harness.answer_status(order_id, "0", cum_qty=harness.order(order_id).cum_qty)
    harness.feed(TradingSwitched(request_id="t1", scope="strategy:maker", state=TradingState.DISABLED, **said))
    harness.kill(f"venue:{VENUE}")
    for order_id in list(harness.state.execution.open[f"venue:{VENUE}"]):
        harness.confirm_cancel(order_id)
    harness.feed(TradingDayRolled(request_id="d1", trading_date="20250616", **said))
    harness.start()
    for venue in (VENUE, OTHER):
        harness.log_on(venue)
        harness.settle(venue)
    harness.book("155.90", "156.00")
    return harness


def lines(records: Iterable[Recorded]) -> Iterator[str]:
    for one in records:
        place = f"{one.seq} {one.run_id} {one.at_ns} {one.wall_ns} {one.cause}"
        yield f"{place} {one.event.kind()} {one.event.VERSION} {encode(one.event).decode()}"


def read(path: Path) -> list[Recorded]:
    """The journal of a release, through the decoder of this build."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        seq, run_id, at_ns, wall_ns, cause, kind, version, body = line.split(" ", 7)
        event = decode(kind, int(version), body.encode())
        place = {"seq": seq, "run_id": run_id, "at_ns": at_ns, "wall_ns": wall_ns, "cause": cause}
        found.append(Recorded(**{name: int(value) for name, value in place.items()}, event=event))
    return found


def outcome(state: State) -> dict[str, Any]:
    """What the day led to, in words that no release changes."""
    execution = state.execution
    return {
        "orders": {
            order.order_id: [
                order.state,
                str(order.quantity),
                str(order.cum_qty),
                str(order.avg_px.normalize()),
                order.in_doubt,
            ]
            for order in execution.orders.values()
        },
        "fills": sorted([fill.order_id, fill.exec_id, fill.status, str(fill.last_qty)] for fill in execution.fills.values()),
        "positions": {
            " ".join(key): [str(position.net_qty), f"{round(position.avg_px, 9):f}", f"{round(position.realized_pnl, 9):f}"]
            for key, position in execution.positions.items()
        },
        "killed": sorted(state.control.killed),
        "trading_date": state.control.run.trading_date,
    }


def digests(records: list[Recorded]) -> dict[str, str]:
    """Position -> digest, every so often and at the end, of the state folded so far."""
    core, found = Core({}), {}
    for one in records:
        core.fold((one,))
        if one.seq % EVERY == 0 or one is records[-1]:
            found[str(one.seq)] = core.state.digest()
    return found


def write(release: str) -> None:
    harness = play()
    (GOLDEN / f"stream-v{release}.journal").write_text("\n".join(lines(harness.records)) + "\n", "utf-8")
    kept = {"outcome": outcome(harness.state), "digests": digests(harness.records)}
    (GOLDEN / f"stream-v{release}.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write(__version__)
    else:
        *_, last = digests(read(GOLDEN / f"stream-v{__version__}.journal")).values()
        sys.stdout.write(last + "\n")
