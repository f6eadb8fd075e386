"""A strategy that is no function of its events is caught by verifying the journal, and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway import __version__
from gateway.core.core import AnyStrategy
from gateway.core.events import RunStarted
from gateway.journal.stores import JournalAt
from gateway.runtime.strategies import code_sha256, load_strategies
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import TRADING_DATE, Harness, settings, strategy_settings
from gateway.verification import Verdict, verify_instance

CODE = """
import random, time
from decimal import Decimal
import msgspec
from gateway.core.strategy import New, Strategy
from gateway.core.values import Side

class Params(msgspec.Struct, frozen=True):
    pass

class Memory(msgspec.Struct, frozen=True):
    seen: int = 0

class Impure(Strategy[Params, Memory]):
    Params = Params
    Memory = Memory
    calls = 0

    def on_event(self, event, view, memory):
        {body}
"""
IMPURE = {
    "clock": ("return Memory(time.monotonic_ns()), ()", "memory"),
    "random": (
        "return memory, (New(symbol=event.symbol, side=Side.BUY, quantity=Decimal(1000),"
        " price=Decimal(random.randint(100, 10**6))),)",
        "price",
    ),
    "elsewhere": (
        "Impure.calls += 1; return memory, (New(symbol=event.symbol, side=Side.BUY, quantity=Decimal(1000 * Impure.calls),"
        " price=Decimal(156)),)",
        "quantity",
    ),
}


def verified(
    home: Path, strategies: dict[str, AnyStrategy], core_sha256: str = "", *, quiet: bool = True
) -> tuple[Verdict, Harness]:
    """A short run of these strategies, journalled, and what verifying it says. Without `quiet` it ends with a batch that was
    about to be sent, which has no digest."""
    configured = {name: strategy_settings(name, one) for name, one in strategies.items()}
    configured = {name: replace(one, code_sha256=code_sha256(one.class_path)) for name, one in configured.items()}
    harness = Harness(strategies, settings(strategies=configured))
    harness.run_id = 1
    started = RunStarted(
        version=__version__, id_prefix="T", settings=harness.settings, trading_date=TRADING_DATE, core_sha256=core_sha256
    )
    harness.feed(started)
    harness.log_on()
    harness.settle()
    for ask in range(3):
        harness.book("155.9", f"156.{ask + 1}")
    place = JournalAt(f"sqlite:///{home / 'journal.db'}")
    journal = place.open()
    digest = harness.state.digest() if core_sha256 != "c0ffee" else "f" * 32
    journal.append(harness.records, {}, digest if quiet else None)
    journal.close()
    return verify_instance(place, None, load_strategies, lambda *_: None), harness


@pytest.mark.parametrize("kind", IMPURE)
def test_impure_strategy_is_named(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body, field = IMPURE[kind]
    module = f"impure_{kind}"
    (tmp_path / f"{module}.py").write_text(CODE.format(body=body))
    monkeypatch.syspath_prepend(tmp_path)
    impure = __import__(module).Impure
    verdict, harness = verified(tmp_path, {"steady": Quoter(QuoterParams()), "odd": impure(impure.Params())})
    assert not verdict.equal
    assert list(verdict.suspects) == ["odd"]
    seq = verdict.suspects["odd"]
    assert verdict.first[0].startswith(f"event {seq}: strategy odd: ")
    assert field in verdict.first[0]
    assert "is computed" in verdict.first[0]
    recorded = harness.records[seq - 1].event
    assert "odd" in (getattr(recorded, "strategy", ""), getattr(getattr(recorded, "command", None), "strategy", ""))
    assert any(note.startswith(f"strategy odd decided otherwise at event {seq}") for note in verdict.notes)


def test_what_no_digest_follows_is_decided_again_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "impure_tail.py").write_text(CODE.format(body=IMPURE[next(iter(IMPURE))][0]))
    monkeypatch.syspath_prepend(tmp_path)
    impure = __import__("impure_tail").Impure
    verdict, harness = verified(tmp_path, {"odd": impure(impure.Params())}, quiet=False)
    assert (verdict.digests, verdict.recomputed) == (0, harness.state.seq)
    assert list(verdict.suspects) == ["odd"]


def test_pure_strategy_is_not(tmp_path: Path) -> None:
    verdict, harness = verified(tmp_path, {"steady": Quoter(QuoterParams())})
    assert (verdict.equal, verdict.suspects, verdict.notes) == (True, {}, [])
    assert verdict.recomputed == harness.state.seq
    assert harness.sent()


def test_digests_of_another_core_are_named_as_such(tmp_path: Path) -> None:
    """A build whose state has other fields computes other digests: that is no damage."""
    verdict, _ = verified(tmp_path, {}, core_sha256="c0ffee")
    assert verdict.equal
    assert verdict.not_comparable == 1
    assert any("core c0ffee, here " in note for note in verdict.notes)
