"""Run numbers are never given out twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import PreconditionFailed
from gateway.journal.run_number import take, used_elsewhere

NOW = 1_750_000_000 * 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_numbers_rise_and_the_prefix_stays(path: Path) -> None:
    taken = [take(path, NOW + later, at_least=0) for later in (0, 10**15, 10**16)]
    assert [number.run_id for number in taken] == [1, 2, 3]
    assert {int(number.id_prefix, 36) for number in taken} == {1_750_000_000}


def test_a_journal_that_knows_more_than_the_file_wins(path: Path) -> None:
    take(path, NOW, at_least=0)
    assert take(path, NOW, at_least=7).run_id == 8
    assert take(path, NOW, at_least=3).run_id == 9


def test_whose_run_was_the_last(tmp_path: Path) -> None:
    path, other = tmp_path / "a", take(tmp_path / "b", NOW + 10**9, 0)
    assert not used_elsewhere(path, 0, ""), "nobody's"
    assert used_elsewhere(path, 1, other.id_prefix)
    ours = take(path, NOW, 0)
    assert not used_elsewhere(path, ours.run_id, ours.id_prefix)
    assert used_elsewhere(path, other.run_id, other.id_prefix), "of the same number"
    assert used_elsewhere(path, 2, ours.id_prefix), "a copy of this directory, somewhere else"
    take(path, NOW, 0)
    assert not used_elsewhere(path, 1, ours.id_prefix), "run 2 ended before it was in the journal"


def test_a_lost_directory_gets_another_prefix(tmp_path: Path) -> None:
    first, second = take(tmp_path / "a", NOW, 0), take(tmp_path / "b", NOW + 10**9, 0)
    assert first.run_id == second.run_id
    assert first.id_prefix != second.id_prefix


@pytest.mark.parametrize("content", [b"", b'{"run_id":', b'{"run_id":"1","id_prefix":"x"}', b"{}", b"\x00\x00"])
def test_a_damaged_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PreconditionFailed, match=r"is damaged: .*; restore it, or move it away to begin anew"):
        take(path, NOW, at_least=5)
    assert path.read_bytes() == content


def test_a_write_that_was_cut_short_leaves_the_old_number(path: Path) -> None:
    take(path, NOW, at_least=0)
    path.with_name("run.new").write_bytes(b'{"run_')
    assert take(path, NOW, at_least=0).run_id == 2


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="make the directory writable"):
        take(tmp_path / "nowhere" / "run", NOW, at_least=0)
