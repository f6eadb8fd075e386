"""A day in each version of FIX, over the wire: the venue's engine validates with the standard dictionaries, unmodified.

One scenario for all versions: what differs between them is in the dialect and in the venue's table of versions.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from gateway_process import wait_for
from standard import objection
from trading import differences

from gateway.fix.dialect import load_dialect
from gateway.fix.specs import spec_path
from gateway.records.types import from_sqlite
from gateway.sim.process import start_venue
from gateway.sim.versions import version_of

DIALECTS = ("generic-fix42", "generic-fix44", "generic-fix50sp2")
PASSWORD = "s3cr3t-Pa55"
CREDENTIALS = 'username = "trader"\npassword_env = "TEST_VERSIONS_PASSWORD"'
EXPECTED_ANOMALIES = {"fill_inferred", "late_fill"}


class Desk:
    """A gateway, its venue, and what is done with them."""

    def __init__(self, gateway, venue, dialect) -> None:
        self.gateway, self.venue, self.dialect = gateway, venue, dialect

    def order(self, state: str, side: str = "buy", quantity: str = "1000", price: str | None = None, **terms: str) -> str:
        """Send one and wait for its state; the order id."""
        order_id = str(self.gateway.order(side, quantity, price, **terms)["order_id"])
        self.gateway.wait_state(order_id, state)
        return order_id

    def house(self, side: str, quantity: str, *price: str) -> None:
        self.venue.command(" ".join(("house", side, "USD/JPY", quantity, *price)))

    def fills(self, order_id: str) -> list[dict]:
        return self.gateway.rows("SELECT * FROM v_fills WHERE order_id = ? ORDER BY event_seq", order_id)

    def cum_qty(self, order_id: str) -> Decimal:
        return from_sqlite(self.gateway.rows("SELECT cum_qty FROM v_orders WHERE order_id = ?", order_id)[0]["cum_qty"])

    def reason(self, order_id: str) -> str:
        return str(self.gateway.rows("SELECT reason FROM v_orders WHERE order_id = ?", order_id)[0]["reason"])

    def best(self, side: str) -> tuple[str, str]:
        price, size = json.loads(self.venue.command("book USD/JPY"))[side][0]
        return price, size


@pytest.fixture(params=DIALECTS)
def desk(request, home, make, monkeypatch):
    """Logged on with a password that the venue checks; the book moves by orders alone."""
    monkeypatch.setenv("TEST_VERSIONS_PASSWORD", PASSWORD)
    dialect = load_dialect(request.param)
    version = version_of(dialect.begin_string, dialect.dictionary)
    credentials = {"username": "trader", "password_env": "TEST_VERSIONS_PASSWORD"}
    with start_venue(home / "venue", rate=0, fix_version=version, **credentials) as venue:
        named = CREDENTIALS if dialect.logon.username else CREDENTIALS.splitlines()[1]
        gateway = make(venue.port, dialect=request.param, market_data=["USD/JPY"], ack_timeout=1, venue_extra=named)
        gateway.start().ready()
        yield Desk(gateway, venue, dialect)


@pytest.mark.slow
def test_a_day(desk, home):
    market_data(desk)
    order_types(desk)
    refusals(desk)
    amendments(desk)
    lost_reports(desk)
    death(desk)
    the_end(desk, home)


def market_data(desk):
    bid, _ = desk.best("bids")
    offer, _ = desk.best("offers")
    feed = wait_for(lambda: next((f for f in desk.gateway.status()["feeds"] if f["bid"]), None), "a book")
    assert (Decimal(feed["bid"]), Decimal(feed["ask"])) == (Decimal(bid), Decimal(offer))
    desk.house("buy", "5000", "110.001")
    wait_for(lambda: desk.gateway.status()["feeds"][0]["bid"] == "110.001", "an increment")
    desk.house("sell", "5000")
    wait_for(lambda: Decimal(desk.gateway.status()["feeds"][0]["bid"]) == Decimal(bid), "the level is gone")


def order_types(desk):
    # A limit order: partial fill, fill; and one that is cancelled after a partial fill.
    first = desk.order("Accepted", price="110.001")
    desk.house("sell", "400")
    desk.gateway.wait_state(first, "PartiallyFilled")
    desk.house("sell", "600")
    desk.gateway.wait_state(first, "Filled")
    assert [from_sqlite(fill["last_qty"]) for fill in desk.fills(first)] == [400, 600]
    second = desk.order("Accepted", "sell", price="110.001")
    desk.house("buy", "250")
    desk.gateway.wait_state(second, "PartiallyFilled")
    desk.gateway.cancel(second)
    desk.gateway.wait_state(second, "Cancelled")
    assert desk.cum_qty(second) == 250
    # Replaced after a partial fill, then filled under its new terms.
    third = desk.order("Accepted", price="110.001")
    desk.house("sell", "300")
    desk.gateway.wait_state(third, "PartiallyFilled")
    desk.gateway.post(f"/orders/{third}/replace", quantity="800", price="110.002")
    desk.gateway.wait_rows("SELECT * FROM v_order_events WHERE order_id = ? AND event = 'replaced'", third)
    desk.house("sell", "500")
    desk.gateway.wait_state(third, "Filled")
    assert [from_sqlite(fill["last_px"]) for fill in desk.fills(third)] == [Decimal("110.001"), Decimal("110.002")]
    assert desk.cum_qty(third) == 800
    market = desk.order("Filled", order_type="market")
    assert desk.cum_qty(market) == 1000
    offer, size = desk.best("offers")
    # Immediate or cancel takes what is there, fill or kill does not.
    beyond = str(Decimal(size) + 1000)
    ioc = desk.order("Cancelled", quantity=beyond, price=offer, time_in_force="ioc")
    assert desk.cum_qty(ioc) == Decimal(size)
    offer, size = desk.best("offers")
    fok = desk.order("Cancelled", quantity=str(Decimal(size) + 1000), price=offer, time_in_force="fok")
    assert desk.cum_qty(fok) == 0
    desk.order("Filled", price=offer, time_in_force="fok")
    # Stops wait for a trade at their price: 110.5 lies beyond everything in the book.
    stop = desk.order("Accepted", order_type="stop", stop_price="110.5", time_in_force="gtc")
    limited = desk.order("Accepted", price="110.6", order_type="stop-limit", stop_price="110.5")
    desk.house("sell", "5000", "110.55")
    sweep = sum(Decimal(size) for price, size in json.loads(desk.venue.command("book USD/JPY"))["offers"][:-1])
    desk.house("buy", str(sweep + 1000))
    desk.gateway.wait_state(stop, "Filled")
    desk.gateway.wait_state(limited, "Filled")


def refusals(desk):
    desk.venue.command("reject-next 1")
    rejected = desk.order("Rejected", price="110.005")
    assert "rejected by the operator" in desk.reason(rejected)
    # The venue fills an order and says so late: our cancel is too late, and the answer makes us ask.
    resting = desk.order("Accepted", price="110.005")
    desk.venue.command("fault delay 1 1")
    desk.house("sell", "1000", "110.005")
    desk.gateway.cancel(resting)
    desk.gateway.wait_state(resting, "Filled")
    wait_for(
        lambda: [fill["status"] for fill in desk.fills(resting) if fill["status"] != "replaced"] == ["new"], "the late report"
    )
    answers = desk.gateway.journal("cancel_rejected")
    assert (answers[-1]["cxl_rej_reason"], answers[-1]["ord_status"]) == ("0", "2")


def amendments(desk):
    order = desk.order("Accepted", price="110.005")
    desk.house("sell", "600", "110.005")
    desk.house("sell", "400", "110.005")
    desk.gateway.wait_state(order, "Filled")
    kept, changed = desk.fills(order)
    desk.venue.command(f"correct {changed['exec_id']} 300 110.004")
    wait_for(lambda: [fill["status"] for fill in desk.fills(order)] == ["new", "corrected"], "the correction")
    assert [from_sqlite(fill["last_qty"]) for fill in desk.fills(order)] == [600, 300]
    # What was busted works again and is there to be cancelled. A bust may name the correction's ExecID.
    correction = desk.gateway.journal("fill_corrected")[-1]["exec_id"]
    desk.venue.command(f"bust {correction}")
    wait_for(lambda: desk.fills(order)[1]["status"] == "busted", "the bust")
    assert desk.fills(order)[0] == kept
    desk.gateway.wait_state(order, "PartiallyFilled")
    assert desk.cum_qty(order) == 600
    desk.gateway.cancel(order)
    desk.gateway.wait_state(order, "Cancelled")


def lost_reports(desk):
    """An acknowledgement that never comes: after `ack_timeout` the venue is asked for the status."""
    desk.venue.command("fault drop 1")
    order = desk.gateway.order("buy", "1000", "110.005")["order_id"]
    desk.gateway.wait_state(order, "Accepted")
    assert desk.gateway.journal("status_reported")
    desk.gateway.cancel(order)
    desk.gateway.wait_state(order, "Cancelled")


def death(desk):
    resting = [desk.order("Accepted", price=price, time_in_force="gtc") for price in ("110.006", "110.005", "110.004")]
    desk.gateway.kill()
    desk.house("sell", "1500")
    desk.gateway.start().ready()
    desk.gateway.wait_state(resting[0], "Filled")
    desk.gateway.wait_state(resting[1], "PartiallyFilled")
    desk.gateway.wait_state(resting[2], "Accepted")
    resent = [fill for order in resting for fill in desk.fills(order)]
    assert [from_sqlite(fill["last_qty"]) for fill in resent] == [1000, 500]
    assert desk.gateway.rows("SELECT * FROM v_order_events WHERE poss_dup = 1 AND event = 'filled'")
    for order in resting[1:]:
        desk.gateway.cancel(order)
        desk.gateway.wait_state(order, "Cancelled")


def the_end(desk, home):
    desk.gateway.caught_up()
    anomalies = desk.gateway.rows("SELECT * FROM v_anomalies")
    assert [row for row in anomalies if row["kind"] not in EXPECTED_ANOMALIES] == []
    assert desk.gateway.terminate() == 0
    assert differences(desk.gateway, desk.venue.ledger_path) == []
    desk.venue.stop()
    sent, received = on_the_wire(desk.gateway.state / "fix/SIM/messages.log")
    assert {text.split("\x0135=")[1].split("\x01")[0] for text in sent} >= set("AV1DFGH25")
    assert {text.split("\x0135=")[1].split("\x01")[0] for text in received} >= set("AWX0894")
    assert [o for text in (*sent, *received) if (o := objection(desk.dialect, text))] == []
    written = [path for path in home.rglob("*") if path.is_file()]
    assert {"messages.log", "journal.db", "gateway.log", "venue.log", "ledger.csv"} <= {path.name for path in written}
    assert [str(path) for path in written if PASSWORD.encode() in path.read_bytes()] == []


def on_the_wire(log):
    """(sent, received) messages of a FIX log, with the password back in its place, for RawData(96) must fit its length."""
    written = log.read_text(errors="surrogateescape").replace("\x0196=***\x01", f"\x0196={PASSWORD}\x01")
    lines = [line.split(" ", 2) for line in written.splitlines()]
    return tuple([text for _, direction, text in lines if direction == wanted] for wanted in ("out", "in"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_wrong_password_is_told(home, make, monkeypatch, dialect):
    monkeypatch.setenv("TEST_VERSIONS_PASSWORD", PASSWORD)
    spoken = load_dialect(dialect)
    version = version_of(spoken.begin_string, spoken.dictionary)
    with start_venue(home / "venue", rate=0, fix_version=version, password_env="TEST_VERSIONS_PASSWORD") as venue:
        wrong = 'password_env = "TEST_VERSIONS_WRONG"'
        gateway = make(venue.port, dialect=dialect, venue_extra=wrong, environment={"TEST_VERSIONS_WRONG": "guess-9"})
        gateway.start().wait_venue("wrong username or password")
        assert gateway.terminate() == 0
    files = [path for path in home.rglob("*") if path.is_file() and b"guess-9" in path.read_bytes()]
    assert files == []


@pytest.mark.parametrize("base", DIALECTS[1:])
def test_a_mass_status_request_finds_orders_nobody_knew(home, make, base):
    """With a dialect file beside the configuration. The second gateway has nothing of the first but its place at the venue."""
    text = spec_path(base).read_text().replace(base, "own").replace('request = "one-by-one"', 'request = "mass"')
    spoken = load_dialect(base)
    version = version_of(spoken.begin_string, spoken.dictionary)
    with start_venue(home / "venue", rate=0, fix_version=version) as venue:
        options = {"dialect": "broker/own.toml", "venue_extra": "reset_on_logon = true"}
        first, second = (make(venue.port, name=name, **options) for name in ("g", "h"))
        for gateway in (first, second):
            (gateway.home / "broker").mkdir()
            (gateway.home / "broker/own.toml").write_text(text)
        first.start().ready()
        first.caught_up()
        assert first.rows("SELECT * FROM v_anomalies") == []  # "no orders" is an answer, too
        order = first.order(price="109")["order_id"]
        known = first.wait_state(order, "Accepted")
        first.kill()
        second.start().ready()
        [found] = second.wait_rows("SELECT * FROM v_orders WHERE external = 1 AND state = 'Accepted'")
        assert (found["venue_order_id"], found["cl_ord_id"]) == (known["venue_order_id"], known["cl_ord_id"])
        second.cancel(found["order_id"])
        second.wait_state(found["order_id"], "Cancelled")
        assert second.terminate() == 0
