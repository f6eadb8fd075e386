"""A password is on the wire, where it belongs, and nowhere else."""

from __future__ import annotations

from gateway_process import wait_for

PASSWORD = "s3cr3t-Pa55|554=word"


def test_the_password_is_in_the_logon_and_in_no_file(make, venue):
    extra = 'username = "trader"\npassword_env = "TEST_VENUE_PASSWORD"'
    gateway = make(venue_extra=extra, environment={"TEST_VENUE_PASSWORD": PASSWORD}).start().ready()
    logon = venue.wait("A")
    assert (logon[553], logon[554]) == ("trader", PASSWORD)
    # Also when a venue sends it back, in a message and in one that the engine refuses.
    venue.send("B", (148, "news"), (554, PASSWORD))
    venue.send("8", (37, "1"), (37, "2"), (554, PASSWORD))
    wait_for(lambda: gateway.rows("SELECT * FROM v_anomalies WHERE kind = 'engine_rejected'"), "the refused message")
    venue.refuse_logon = "wrong password"
    venue.disconnect()
    gateway.wait_venue("wrong password")
    status = str(gateway.status())
    assert gateway.terminate() == 0
    assert PASSWORD not in status
    files = [path for path in gateway.home.rglob("*") if path.is_file()]
    assert {"messages.log", "journal.db", "gateway.log"} <= {path.name for path in files}
    assert "35=A" in (gateway.state / "fix/SIM/messages.log").read_text()
    assert [str(path) for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert [str(path) for path in files if b"s3cr3t" in path.read_bytes()] == []
