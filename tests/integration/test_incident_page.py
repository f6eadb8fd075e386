"""The incident page in a real browser: it renders, its script runs, nothing is loaded from anywhere, hostile text stays text.

Needs Chromium on the PATH; without one the tests are skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.core.events import Level
from gateway.incident.model import BookView, Entry, Execution, Incident, OrderLane, OrderState, Quote, Span, Stage, Wire
from gateway.incident.page import page

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")

EVIL = '"><script>document.title="owned"</script><img src="http://evil.invalid/pixel" onerror="document.title=\'owned\'">'
BEGIN = 1_700_000_000_000_000_000


def incident() -> Incident:
    """One order with everything on it, and hostile text wherever somebody else's text goes."""
    book = BookView(
        venue="SIM",
        symbol=EVIL,
        seq=3,
        at_ns=BEGIN,
        bids=(Level(Decimal("150.1"), Decimal(300)),),
        asks=(Level(Decimal("150.2"), Decimal(200)),),
        feed="stale",
    )
    entries = [
        Entry(
            seq=seq,
            cause=seq,
            at_ns=BEGIN + seq * 1_000_000,
            wall_ns=BEGIN + seq * 1_000_000,
            kind=kind,
            lane=lane,
            title=f"{kind} {EVIL}",
            detail=EVIL,
            order_id="1-1",
            venue="SIM",
            after=OrderState(order_id="1-1", state="Accepted", cum_qty=Decimal(0), leaves_qty=Decimal(10), in_doubt=EVIL),
            anomalies=(EVIL,),
            wire=Wire(venue="SIM", session=EVIL, outgoing=seq % 2 == 0, msg_seq_num=seq, what=EVIL, text=EVIL),
            book=book if lane == "decision" else None,
            price=Decimal("150.1"),
            since_ns=1_000_000,
        )
        for seq, (kind, lane) in enumerate([("dispatched", "decision"), ("transmitted", "wire"), ("filled", "venue")], start=1)
    ]
    lane = OrderLane(
        order_id="1-1",
        venue="SIM",
        symbol="USD/JPY",
        side="buy",
        strategy=EVIL,
        quantity=Decimal(10),
        price=Decimal("150.1"),
        stages=[
            Stage(at_ns=BEGIN, state="Submitted", cum_qty=Decimal(0)),
            Stage(at_ns=BEGIN + 2_000_000, state="Accepted", cum_qty=Decimal(0), in_doubt=True),
        ],
        executions=[
            Execution(at_ns=BEGIN + 2_500_000, exec_id=EVIL, last_qty=Decimal(1), last_px=Decimal("150.1"), status="new"),
            Execution(at_ns=BEGIN + 2_700_000, exec_id="E2", last_qty=Decimal(1), last_px=Decimal("150.1"), status="busted"),
        ],
    )
    return Incident(
        subject=EVIL,
        from_seq=1,
        to_seq=3,
        from_ns=BEGIN,
        to_ns=BEGIN + 3_000_000,
        runs=[1],
        config_sha256=["c0ffee" * 10],
        entries=entries,
        orders=[lane],
        spans=[Span(order_id="1-1", cl_ord_id=EVIL, step="sent -> answered", nanoseconds=1_234_567)],
        quotes={"SIM USD/JPY": [Quote(at_ns=BEGIN, bid=Decimal("150.1"), ask=Decimal("150.2"))]},
        market_events=7,
        notes=[EVIL],
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "incident.html"
    path.write_text(page(incident()), encoding="utf-8")
    return path


def browse(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
            f"--user-data-dir={path.parent / 'profile'}", *arguments, path.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_it_renders_its_script_runs_and_hostile_text_stays_text(written: Path) -> None:
    done = browse(written, "--dump-dom")
    assert "3 of 3" in done.stdout, f"the table's script did not run\n{done.stderr[-2000:]}"
    assert "<title>Incident: &quot;&gt;&lt;script" in done.stdout or '<title>Incident: "&gt;&lt;script' in done.stdout
    assert "<img" not in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr


def test_no_request_leaves_it(written: Path) -> None:
    assert asked_for(written) == set()
    unguarded = written.with_name("unguarded.html")
    unguarded.write_text('<img src="http://evil.invalid/pixel">')
    assert asked_for(unguarded) == {"http://evil.invalid/pixel"}, "where a page does ask for something, this sees it"


def asked_for(path: Path) -> set[str]:
    """What a page made the browser ask the network for; the browser's own requests come from no origin."""
    log = path.with_suffix(".json")
    browse(path, "--dump-dom", f"--log-net-log={log}")
    recorded = log.read_text("utf-8", "replace")
    assert path.as_uri() in recorded, "the page itself is in the log of requests"
    parameters = [event.get("params", {}) for event in _events(recorded)]
    return {one["url"] for one in parameters if one.get("initiator", "not an origin") != "not an origin"}


def _events(recorded: str) -> list[dict[str, Any]]:
    """The log may end in the middle of an event when the browser closes."""
    try:
        found: list[dict[str, Any]] = json.loads(recorded)["events"]
    except json.JSONDecodeError:
        found = json.loads(recorded[: recorded.rindex("},")] + "}]}")["events"]
    return found


def test_it_is_painted_in_both_themes(written: Path) -> None:
    pictures = set()
    for scheme in (0, 1):
        picture = written.parent / f"{scheme}.png"
        preference = f"--blink-settings=preferredColorScheme={scheme}"
        browse(written, preference, "--window-size=1200,1600", f"--screenshot={picture}")
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 20_000, "an empty page is a few hundred bytes"
        pictures.add(content)
    assert len(pictures) == 2, "dark is not light"
