"""What the venue is given to read: configuration and tick files. A mistake is named with its place."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.errors import ConfigurationError, GatewayError, PreconditionFailed
from gateway.sim.cli import venue_sim
from gateway.sim.market import file_ticks
from gateway.sim.settings import VenueSettings, settings_from


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_flags_win_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    config = written(tmp_path / "v.toml", 'port = 1\nsender = "X"\ntarget = ["A", "B"]\ndir = "here"\ntick_size = "0.5"\n')
    settings = settings_from({"port": 2, "sender": None, "target": ()}, config)
    expected = VenueSettings(port=2, sender="X", target=("A", "B"), dir=tmp_path / "here", tick_size=Decimal("0.5"))
    assert settings == expected


def test_every_mistake_of_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    config = written(tmp_path / "v.toml", 'port = "x"\nprot = 1\ntick_size = 0.1\nticks = "t.csv"\nlot = "many"\n')
    with pytest.raises(ConfigurationError) as caught:
        settings_from({}, config)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (1, "port"),
        (2, "prot"),
        (3, "tick_size"),
        (5, "lot"),
    ]


@pytest.mark.parametrize(
    "flags",
    [
        {"host": "10.0.0.1"},
        {"port": 70000},
        {"tick_size": Decimal(0)},
        {"target": ("A", "A")},
        {"sender": "DESK"},
        {"symbol": ("A\x01B",)},
        {"rate": -1.0},
    ],
)
def test_settings_that_cannot_work_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(GatewayError):
        settings_from(flags)


def test_a_flag_that_is_not_a_number_is_a_usage_error() -> None:
    result = CliRunner().invoke(venue_sim, ["--tick-size", "NaN"])
    assert result.exit_code == 2
    assert "NaN is not a decimal number" in result.output


def test_ticks_loop_or_end(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "timestamp,bid,ask\nx,1.0,2.0\nx,1.5,2.5\n")
    assert [str(tick.bid) for tick in file_ticks(path, loop=False)] == ["1.0", "1.5"]
    assert [str(tick.bid) for tick in islice(file_ticks(path, loop=True), 3)] == ["1.0", "1.5", "1.0"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("time,bid,ask\n", ":1:"),
        ("timestamp,bid,ask\n", "no ticks"),
        ("timestamp,bid,ask\nx,1,2\nx,1\n", ":3:"),
        ("timestamp,bid,ask\nx,one,2\n", ":2:"),
        ("timestamp,bid,ask\nx,2,1\n", ":2:"),
        ("timestamp,bid,ask\nx,NaN,1\n", ":2:"),
    ],
)
def test_a_bad_tick_file_is_named_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    path = written(tmp_path / "t.csv", text)
    with pytest.raises(PreconditionFailed, match=where):
        list(file_ticks(path, loop=True))


def test_a_missing_tick_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="cannot read ticks"):
        next(file_ticks(tmp_path / "none.csv", loop=False))
