"""The end of a trading day over the wire: by the clock, on an operator's word, and while nobody is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from gateway_process import wait_for

from gateway.errors import Denied, NotFound, PreconditionFailed, UsageError


def roll(gateway, **more):
    return gateway.post("/trading/roll-day", reason="test", **more)


def state(gateway, order_id):
    [row] = gateway.rows("SELECT state, in_doubt FROM v_orders WHERE order_id = ?", order_id)
    return row["state"], row["in_doubt"]


def test_the_venue_says_what_became_of_the_orders_of_a_day(make, venue):
    gateway = make(venue.port).start().ready()
    day = gateway.order(price="109")["order_id"]
    good = gateway.order(price="109.1", time_in_force="gtc")["order_id"]
    for order_id in (day, good):
        gateway.wait_state(order_id, "Accepted")
    before = gateway.status()["trading_date"]
    roll(gateway)  # before the venue's day has ended: it says that the order works
    gateway.wait_rows("SELECT * FROM v_order_events WHERE order_id = ? AND event = 'resolved'", day)
    gateway.caught_up()
    assert state(gateway, day) == ("Accepted", 0)
    assert gateway.venue()["opened"]
    assert gateway.status()["trading_date"] > before
    assert venue.command("end-day") == "1 report"
    gateway.wait_state(day, "Expired")
    assert state(gateway, good) == ("Accepted", 0)
    [row] = gateway.rows("SELECT * FROM v_operator_actions WHERE action = 'trading_day_rolled'")
    assert (row["before"], row["after"]) == (before, gateway.status()["trading_date"])


def test_the_venues_day_ended_while_we_were_away(make, venue):
    """Killed, the clock passes the boundary, the venue expires the order and its report is never resent."""
    gateway = make(venue.port, extra='[trading_day]\ntimezone = "Etc/GMT+12"').start().ready()
    order_id = gateway.order(price="109")["order_id"]
    gateway.wait_state(order_id, "Accepted")
    before = gateway.status()["trading_date"]
    gateway.kill()
    venue.command("gap-fill-resends on")
    venue.command("end-day")
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("Etc/GMT+12", "Pacific/Kiritimati"))  # 26 hours ahead: always a later date
    gateway.start().ready()
    gateway.wait_state(order_id, "Expired")
    assert gateway.status()["trading_date"] > before
    [rolled] = gateway.journal("trading_day_rolled")
    assert (rolled["actor"], rolled["trading_date"]) == ("schedule", gateway.status()["trading_date"])
    assert [event["reason"] for event in gateway.journal("in_doubt")][-1] == "day_rolled"
    gateway.caught_up()
    assert gateway.rows("SELECT * FROM v_orders WHERE in_doubt = 1") == []


def test_the_day_rolls_by_the_clock(make, venue):
    for ahead in (10, 45):  # on a busy machine the start alone may take the shorter time
        boundary = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=ahead)
        gateway = make(venue.port, name=f"g{ahead}", extra=f'[trading_day]\nroll = "{boundary:%H:%M:%S}"').start().ready()
        [started] = gateway.journal("run_started")
        if datetime.now(UTC) < boundary:
            break
        assert gateway.terminate() == 0
    [rolled] = gateway.wait_rows("SELECT * FROM v_operator_actions WHERE action = 'trading_day_rolled'")
    assert rolled["actor"] == "schedule"
    assert rolled["recorded_ns"] >= int(boundary.timestamp()) * 10**9
    tomorrow = datetime.strptime(started["trading_date"], "%Y%m%d") + timedelta(days=1)
    assert gateway.status()["trading_date"] == tomorrow.strftime("%Y%m%d")


def test_a_store_made_on_an_earlier_day_keeps_its_numbers(make, venue):
    """The engine resets such a store to 1/1 without a word; a fill made meanwhile would be lost with the numbers."""
    gateway = make(venue.port).start().ready()
    order_id = gateway.order(price="110.5", time_in_force="gtc")["order_id"]
    gateway.wait_state(order_id, "Filled" if state_is_filled(gateway, order_id) else "Accepted")
    numbers = gateway.venue()["next_sender"], gateway.venue()["next_target"]
    gateway.kill()
    [created] = (gateway.state / "fix" / "SIM" / "store").glob("*.session")
    created.write_text("20200101-00:00:00")
    venue.command("house sell USD/JPY 1000 109")
    gateway.start().ready()
    gateway.wait_state(order_id, "Filled")
    [row] = gateway.rows("SELECT * FROM v_fills")
    assert row["status"] == "new"
    assert gateway.venue()["next_sender"] >= numbers[0] > 2
    assert gateway.venue()["next_target"] >= numbers[1] > 2
    assert gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'") == []
    gateway.wait_state(gateway.order(price="109")["order_id"], "Accepted")


def state_is_filled(gateway, order_id):
    """Whether the book had something for it already."""
    wait_for(lambda: gateway.rows("SELECT * FROM v_orders WHERE order_id = ? AND state <> 'Submitted'", order_id), "an answer")
    return state(gateway, order_id)[0] == "Filled"


def test_what_an_operator_may_not_say(make, venue):
    gateway = make(venue.port).start().ready()
    today = gateway.status()["trading_date"]
    with pytest.raises(PreconditionFailed, match="never comes back"):
        roll(gateway, trading_date=today)
    with pytest.raises(UsageError, match="not a date"):
        roll(gateway, trading_date="tomorrow")
    place = {"strategy": "desk", "venue": "SIM", "symbol": "USD/JPY", "reason": "test"}
    with pytest.raises(NotFound, match="NYSE"):
        gateway.post("/positions/adjust", **(place | {"venue": "NYSE"}), quantity="1", avg_px="110")
    with pytest.raises(Denied, match="average price"):
        gateway.post("/positions/adjust", **place, quantity="1", avg_px="0")


def test_positions_are_adjusted_and_valued(make, venue):
    position = 'strategy = "desk"\nvenue = "SIM"\nsymbol = "USD/JPY"\nquantity = "-3000"\navg_px = "109"\nas_of = "20250616"\n'
    gateway = make(venue.port, market_data=["USD/JPY"], extra=f"[[positions]]\n{position}").start().ready()
    gateway.wait_rows("SELECT * FROM v_position_events WHERE cause = 'opening'")
    gateway.post(
        "/positions/adjust", strategy="desk", venue="SIM", symbol="USD/JPY", quantity="2000", avg_px="100", reason="statement"
    )
    gateway.caught_up()
    [row] = gateway.rows("SELECT net_qty, avg_px FROM v_positions")
    assert (row["net_qty"], row["avg_px"]) == (2000, 100)
    causes = gateway.rows("SELECT cause, quantity FROM v_position_events ORDER BY event_seq")
    assert [(one["cause"], one["quantity"]) for one in causes] == [("opening", -3000), ("adjustment", 5000)]
    shown = wait_for(lambda: [p for p in gateway.status()["positions"] if p["mark_px"]], "a market price")
    assert float(shown[0]["unrealized_pnl"]) == pytest.approx((float(shown[0]["mark_px"]) - 100) * 2000)
    gateway.kill()
    gateway.start().ready()
    assert [p["net_qty"] for p in gateway.status()["positions"]] == ["2000"]
