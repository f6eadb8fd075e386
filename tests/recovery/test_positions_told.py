"""Positions as the venue tells them, beside what our fills say; and orders that the venue cancels with the connection."""

from __future__ import annotations

from gateway_process import wait_for
from postgresql import verified
from trading import differences

from gateway.fix.specs import spec_path
from gateway.sim.ledger import read_ledger
from gateway.sim.process import start_venue


def own_dialect(gateway, tables, messages=()):
    text = spec_path("generic-fix44").read_text().replace("generic-fix44", "own")
    more = "".join(f', "{kind}"' for kind in messages)
    text = text.replace('"h", "f", "B"]', f'"h", "f", "B"{more}]', 1)
    (gateway.home / "own.toml").write_text(text.replace("[market_data]", f"{tables}\n[market_data]", 1))
    return gateway


def anomalies(gateway, kind):
    return [row["detail"] for row in gateway.rows("SELECT detail FROM v_anomalies WHERE kind = ? ORDER BY event_seq", kind)]


def test_a_position_that_differs_is_an_alarm_and_is_not_adjusted(home, make):
    with start_venue(home / "venue", rate=0) as venue:
        gateway = own_dialect(
            make(venue.port, dialect="own.toml", venue_extra='account = "A1"'),
            '[positions]\nrequest = { AccountType = "1" }\n',
            ("AN", "AO", "AP"),
        )
        gateway.start().ready()
        wait_for(lambda: gateway.journal("positions_reported"), "flat on both sides")
        gateway.order(price="112", quantity="300", wait_seconds=60)
        gateway.wait_rows("SELECT * FROM v_positions WHERE net_qty = 300")
        venue.command("disconnect DESK")
        wait_for(lambda: len(gateway.journal("positions_reported")) == 2, "asked after the next logon")
        told = gateway.journal("positions_reported")
        assert [event.get("positions", []) for event in told] == [[], [{"symbol": "USD/JPY", "net_qty": "300"}]]
        assert anomalies(gateway, "position_differs") == []
        # Somebody books a trade that we never hear of.
        venue.command("book-position A1 USD/JPY -500")
        venue.command("disconnect DESK")
        gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = 'position_differs'")
        assert anomalies(gateway, "position_differs") == ["USD/JPY of account A1: -200 at the venue, 300 here"]
        alarm = next(alarm for alarm in gateway.status()["alarms"] if alarm["name"] == "position SIM A1 USD/JPY")
        assert alarm["severity"] == "critical"
        assert gateway.rows("SELECT net_qty FROM v_positions WHERE account = 'A1'") == [{"net_qty": 300}]
        # An operator adjusts; the next reconciliation agrees, and the alarm is over.
        gateway.kill()
        gateway.start().ready()
        wait_for(lambda: len(anomalies(gateway, "position_differs")) == 2, "said again by the next run")
        body = {"account": "A1", "strategy": "desk", "venue": "SIM", "symbol": "USD/JPY", "quantity": "-200", "avg_px": "110"}
        gateway.post("/positions/adjust", reason="booked by the venue", **body)
        venue.command("disconnect DESK")
        wait_for(lambda: not gateway.status()["positions_differ"], "they agree")
        assert gateway.terminate() == 0
        verified(gateway)


def test_a_venue_that_cancels_with_the_connection(home, make):
    """Its dialect says how it is asked to; what it did is known after the next logon, and nothing is cancelled twice."""
    with start_venue(home / "venue", rate=20) as venue:
        gateway = own_dialect(
            make(venue.port, dialect="own.toml", venue_extra="cancel_on_disconnect = true"),
            """[session]
cancel_on_disconnect = { CancelOrdersOnDisconnect = "Y" }
[[extra_fields]]
tag = 8013
name = "CancelOrdersOnDisconnect"
messages = ["A"]
""",
        )
        gateway.start().ready()
        orders = [gateway.order(price="100", wait_seconds=60)["order_id"] for _ in range(2)]
        gateway.kill()
        wait_for(lambda: sum(line.exec_type == "4" for line in read_ledger(venue.ledger_path)) == 2, "cancelled by the venue")
        gateway.start().ready()
        for order_id in orders:
            gateway.wait_state(order_id, "Cancelled")
        assert gateway.rows("SELECT * FROM v_decisions WHERE intent = 'CANCEL'") == []
        gateway.caught_up()
        assert differences(gateway, venue.ledger_path) == []
