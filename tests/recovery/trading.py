"""Trade at random, die at random, and compare what both sides believe afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from gateway_process import GatewayProcess, wait_for
from postgresql import verified

from gateway.errors import GatewayError
from gateway.records.types import from_sqlite
from gateway.sim.ledger import LedgerLine, executions, read_ledger
from gateway.sim.process import VenueProcess

STATES = {"0": "Accepted", "1": "PartiallyFilled", "2": "Filled", "4": "Cancelled", "8": "Rejected", "C": "Expired"}
STRATEGY = """
[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]
"""


class Traders:
    """Threads that send, replace and cancel orders until they are stopped, whatever becomes of the gateway."""

    def __init__(self, gateway: GatewayProcess, random: Random, threads: int = 2) -> None:
        self._gateway = gateway
        self._stop = threading.Event()
        self.sent = 0
        self._threads = [threading.Thread(target=self._trade, args=(Random(random.random()),)) for _ in range(threads)]

    def __enter__(self) -> Traders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(100)
            assert not thread.is_alive()

    def _trade(self, random: Random) -> None:
        mine: list[str] = []
        while not self._stop.is_set():
            try:
                if mine and random.random() < 0.3:
                    self._replace(random, random.choice(mine))
                    continue
                if mine and random.random() < 0.3:
                    self._gateway.cancel(mine.pop(random.randrange(len(mine))))
                    continue
                price = Decimal("110") + Decimal(random.randint(-60, 60)) / 1000
                quantity = str(random.randint(1, 9) * 100)
                more = {"time_in_force": "ioc"} if random.random() < 0.2 else {}
                answer = self._gateway.order(random.choice(("buy", "sell")), quantity, f"{price:.3f}", **more)
                self.sent += 1
                if answer["stage"] != "denied":
                    mine.append(answer["order_id"])
                elif answer["code"] == "venue_not_open":
                    self._stop.wait(0.05)
            except GatewayError:
                self._stop.wait(0.01)

    def _replace(self, random: Random, order_id: str) -> None:
        terms = {"quantity": str(random.randint(1, 12) * 100)}
        if random.random() < 0.7:
            terms["price"] = f"{Decimal('110') + Decimal(random.randint(-60, 60)) / 1000:.3f}"
        self._gateway.replace(order_id, **terms)


def trade_and_die(gateway: GatewayProcess, random: Random) -> int:
    """One round: ready, trade, SIGKILL at a random moment; how many orders were asked for."""
    gateway.start().ready()
    with Traders(gateway, random) as traders:
        time.sleep(random.uniform(0.05, 1.2))  # not a wait for anything: the moment of death is the random variable
        gateway.kill()
    return traders.sent


def start_and_die(gateway: GatewayProcess, random: Random) -> None:
    """A death before anything is agreed: while folding, logging on, settling or reconciling."""
    gateway.start()
    time.sleep(random.uniform(0.3, 1.2))
    gateway.kill()


def come_to_rest(gateway: GatewayProcess) -> None:
    """Recover, cancel what is open, stop cleanly."""
    gateway.start().ready()
    with contextlib.suppress(GatewayError):
        gateway.post("/trading", state="disabled", reason="the end")
    gateway.post("/cancel-all", scope="all")

    def rests() -> bool:
        orders = gateway.status().get("orders", {})
        return bool(orders) and not (orders["open"] or orders["pending"] or orders["awaiting"])

    wait_for(rests, "no order open")
    gateway.caught_up()
    assert gateway.terminate() == 0


def trades_through(
    gateway: GatewayProcess, venue: VenueProcess, away: Callable[[], None], back: Callable[[], None], seed: int = 1
) -> None:
    """Trade, take the journal away until dispatch has halted, bring it back: nothing is lost and nobody restarts."""

    def logouts() -> int:
        return venue.log_path.read_text().count(" logged out\n")

    gateway.start().ready()
    process = gateway.process
    with Traders(gateway, Random(seed)) as traders:
        wait_for(lambda: traders.sent > 20, "trading")
        away()
        try:
            wait_for(lambda: gateway.status().get("journal", {}).get("state") == "failed", "dispatch has halted")
            wait_for(lambda: logouts() == 1, "the session logs out")
        finally:
            back()
        gateway.wait_open()
        sent = traders.sent
        wait_for(lambda: traders.sent > sent + 20, "trading again")
        assert process is not None
        assert process.poll() is None
    gateway.kill()
    come_to_rest(gateway)
    assert differences(gateway, venue.ledger_path) == []
    verified(gateway)


def differences(gateway: GatewayProcess, ledger_path: Path) -> list[str]:
    """Everything in which the venue's ledger and the gateway's records do not agree."""
    ledger = read_ledger(ledger_path)
    orders = {row["venue_order_id"]: row for row in gateway.rows("SELECT * FROM v_orders") if row["venue_order_id"]}
    found = [*_fills(gateway, ledger), *_orders(gateway, ledger, orders), *_positions(gateway)]
    again = [name for name, count in Counter(x.cl_ord_id for x in ledger if x.exec_type == "0").items() if count > 1]
    again += [str(line.cl_ord_id) for line in ledger if "duplicate" in line.text]
    found += [f"ClOrdID {name} was sent twice as a new order" for name in again]
    doubtful = gateway.rows("SELECT order_id FROM v_orders WHERE in_doubt")
    return found + [f"order {row['order_id']} is still in doubt" for row in doubtful]


def _fills(gateway: GatewayProcess, ledger: list[LedgerLine]) -> list[str]:
    theirs = {exec_id: (x.last_qty, x.last_px) for exec_id, x in executions(ledger).items()}
    rows = gateway.rows("SELECT * FROM v_fills WHERE status NOT IN ('replaced', 'busted')")
    ours = {row["exec_id"]: (from_sqlite(row["last_qty"]), from_sqlite(row["last_px"])) for row in rows}
    found = [] if len(ours) == len(rows) else ["an ExecID counts twice"]
    return found + [
        f"fill {exec_id}: venue {theirs.get(exec_id)}, gateway {ours.get(exec_id)}"
        for exec_id in theirs.keys() | ours.keys()
        if theirs.get(exec_id) != ours.get(exec_id)
    ]


def _made(line: LedgerLine) -> tuple[int, ...]:
    """(run, counter) of the venue, which every ExecID(17) is made of."""
    return tuple(int(part) for part in line.exec_id[1:].split("-"))


def _orders(gateway: GatewayProcess, ledger: list[LedgerLine], orders: dict[str, dict]) -> list[str]:
    made = sorted(ledger, key=_made)  # not as sent: a fault can hold a report back
    last = {line.order_id: line for line in made if line.order_id != "NONE"}
    found = []
    for order_id, line in last.items():
        ours = orders.get(order_id)
        if ours is None:
            found.append(f"the venue knows {order_id} ({line.cl_ord_id}), the gateway does not")
        elif (ours["state"], from_sqlite(ours["cum_qty"])) != (STATES[line.ord_status], line.cum_qty):
            said = f"{STATES[line.ord_status]} {line.cum_qty}"
            found.append(f"order {ours['order_id']} / {order_id}: venue {said}, gateway {ours['state']} {ours['cum_qty']}")
        elif from_sqlite(ours["quantity"]) != line.order_qty or (ours["price"] and from_sqlite(ours["price"]) != line.price):
            said = f"{line.order_qty} at {line.price}"
            found.append(f"order {ours['order_id']} / {order_id}: venue {said}, gateway {ours['quantity']} at {ours['price']}")
    unknown = gateway.rows("SELECT * FROM v_orders WHERE venue_order_id IS NULL")
    found += [f"order {r['order_id']}: {r['state']}, unknown to the venue" for r in unknown if r["state"] != "Rejected"]
    return found + [f"external order {r['order_id']}" for r in gateway.rows("SELECT * FROM v_orders WHERE external")]


def _positions(gateway: GatewayProcess) -> list[str]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in gateway.rows("SELECT * FROM v_fills WHERE status NOT IN ('replaced', 'busted')"):
        sums[row["strategy"]] += from_sqlite(row["last_qty"]) * (1 if row["side"] == "buy" else -1)
    positions = {row["strategy"]: from_sqlite(row["net_qty"]) for row in gateway.rows("SELECT * FROM v_positions")}
    return [] if positions == dict(sums) else [f"positions {positions}, sums of fills {dict(sums)}"]


def journal_numbers(gateway: GatewayProcess) -> tuple[int, int]:
    """(events, runs) in the journal."""
    with contextlib.closing(sqlite3.connect(f"file:{gateway.state / 'journal.db'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*), count(DISTINCT run_id) FROM event").fetchone()  # type: ignore[no-any-return]
