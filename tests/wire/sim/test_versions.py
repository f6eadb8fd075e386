"""The same trades told in each version of FIX, as a client sees them that knows nothing of the venue's tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.sim.process import start_venue

VERSIONS = {
    "4.2": ("FIX.4.2", (), ((21, 1),)),
    "4.4": ("FIX.4.4", (), ()),
    "5.0SP2": ("FIXT.1.1", ((1137, 9),), ()),
}
"""Name -> BeginString(8), what the Logon needs, what orders need."""
SYMBOL = "USD/JPY"
PRICE = "110.001"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_life_of_an_order(version: str, tmp_path: Path, connect: Callable[..., Any]) -> None:
    begin, credentials, needed = VERSIONS[version]
    old = version == "4.2"
    with start_venue(tmp_path, rate=0, fix_version=version) as venue:
        desk = connect(venue.port, begin=begin)
        answer = desk.logon(*credentials)
        assert (answer[8], answer.get(1137)) == (begin, "9" if version == "5.0SP2" else None)
        more = {f"t{tag}": value for tag, value in needed}
        desk.new("A", SYMBOL, 1, 1000, PRICE, **more)
        assert told(desk.report(t11="A")) == ("0" if old else None, "0", "0")
        venue.command(f"house sell {SYMBOL} 400")
        first = desk.report(t14="400")
        assert told(first) == (("0", "1", "1") if old else (None, "F", "1"))
        assert (first[32], first[31]) == ("400", PRICE)
        desk.send(
            "G",
            (41, "A"),
            (11, "B"),
            (55, SYMBOL),
            (54, 1),
            (60, "20260102-03:04:05"),
            (38, 900),
            (40, 2),
            (44, PRICE),
            *needed,
        )
        replaced = desk.report(t11="B")
        assert told(replaced) == ("0" if old else None, "5", "1")
        assert (replaced[41], replaced[38], replaced[151]) == ("A", "900", "500")
        desk.send("H", (11, "B"), (55, SYMBOL), (54, 1))
        assert told(status(desk, old)) == (("3", "1", "1") if old else (None, "I", "1"))
        venue.command(f"house sell {SYMBOL} 500")
        assert told(desk.report(t14="900")) == (("0", "2", "2") if old else (None, "F", "2"))
        venue.command(f"correct {first[17]} 300 110")
        corrected = desk.report(t19=first[17])
        assert told(corrected) == (("2", "1", "1") if old else (None, "G", "1"))
        venue.command(f"bust {corrected[17]}")
        assert told(desk.report(t19=corrected[17])) == (("1", "1", "1") if old else (None, "H", "1"))
        desk.send("F", (41, "nobody"), (11, "C"), (55, SYMBOL), (54, 1), (60, "20260102-03:04:05"), (38, 1))
        refused = desk.wait("9")
        assert (refused[102], refused[434], refused[39]) == ("1", "1", "8")
        desk.new("D", "?", 1, 1000, PRICE, **more)
        assert told(desk.report(t11="D")) == ("0" if old else None, "8", "8")
        desk.logout()


def told(report: Any) -> tuple[str | None, str, str]:
    """ExecTransType(20), ExecType(150), OrdStatus(39)."""
    return report.get(20), report[150], report[39]


def status(desk: Any, old: bool) -> Any:
    """The answer to a status request: it says so in a tag of its own in each version."""
    return desk.report(t20="3") if old else desk.report(t150="I")


@pytest.mark.parametrize(("version", "tag"), [("4.2", 96), ("4.4", 554), ("5.0SP2", 554)])
def test_a_password_that_is_asked_for(
    version: str, tag: int, tmp_path: Path, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_TEST_PASSWORD", "let-me-in")
    begin, needed, _ = VERSIONS[version]
    with start_venue(tmp_path, rate=0, fix_version=version, password_env="SIM_TEST_PASSWORD") as venue:
        stranger = connect(venue.port, begin=begin)
        stranger.send("A", (98, 0), (108, 30), *needed)
        assert "password" in stranger.wait("5")[58]
        stranger.wait_closed()
        length = ((95, len("let-me-in")),) if tag == 96 else ()
        desk = connect(venue.port, begin=begin, next_out=2)
        assert desk.logon(*needed, *length, (tag, "let-me-in"))[35] == "A"
        desk.logout()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"let-me-in" in path.read_bytes()] == []
