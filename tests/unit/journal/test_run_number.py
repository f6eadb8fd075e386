"""Run numbers are never given out twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.errors import PreconditionFailed
from gateway.journal.run_number import RunNumber, take, used_elsewhere


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_numbers_rise_and_the_prefix_stays(path: Path) -> None:
    taken = [take(path, at_least=0) for _ in range(3)]
    assert [number.run_id for number in taken] == [1, 2, 3]
    assert len({number.id_prefix for number in taken}) == 1


def test_the_prefix_of_a_directory_in_use_stays_what_it_was(path: Path) -> None:
    path.write_bytes(b'{"run_id":7,"id_prefix":"sxvxts"}')
    assert take(path, at_least=0) == RunNumber(8, "sxvxts")


def test_directories_first_used_in_the_same_moment_have_prefixes_of_their_own(tmp_path: Path) -> None:
    prefixes = {take(tmp_path / str(number), at_least=0).id_prefix for number in range(100)}
    assert len(prefixes) == 100
    assert all(re.fullmatch("[0-9a-z]{6}", prefix) for prefix in prefixes)


def test_a_journal_that_knows_more_than_the_file_wins(path: Path) -> None:
    take(path, at_least=0)
    assert take(path, at_least=7).run_id == 8
    assert take(path, at_least=3).run_id == 9


def test_whose_run_was_the_last(tmp_path: Path) -> None:
    path, other = tmp_path / "a", take(tmp_path / "b", 0)
    assert not used_elsewhere(path, 0, ""), "nobody's"
    assert used_elsewhere(path, 1, other.id_prefix)
    ours = take(path, 0)
    assert not used_elsewhere(path, ours.run_id, ours.id_prefix)
    assert used_elsewhere(path, other.run_id, other.id_prefix), "of the same number"
    assert used_elsewhere(path, 2, ours.id_prefix), "a copy of this directory, somewhere else"
    take(path, 0)
    assert not used_elsewhere(path, 1, ours.id_prefix), "run 2 ended before it was in the journal"


def test_a_lost_directory_gets_another_prefix(tmp_path: Path) -> None:
    first, second = take(tmp_path / "a", 0), take(tmp_path / "b", 0)
    assert first.run_id == second.run_id
    assert first.id_prefix != second.id_prefix


@pytest.mark.parametrize("content", [b"", b'{"run_id":', b'{"run_id":"1","id_prefix":"x"}', b"{}", b"\x00\x00"])
def test_a_damaged_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PreconditionFailed, match=r"is damaged: .*; restore it, or move it away to begin anew"):
        take(path, at_least=5)
    assert path.read_bytes() == content


def test_a_write_that_was_cut_short_leaves_the_old_number(path: Path) -> None:
    take(path, at_least=0)
    path.with_name("run.new").write_bytes(b'{"run_')
    assert take(path, at_least=0).run_id == 2


def test_a_full_disk_is_no_matter_of_permissions(path: Path) -> None:
    path.with_name(path.name + ".new").symlink_to("/dev/full")
    with pytest.raises(PreconditionFailed, match="No space left on device; free space on the disk"):
        take(path, at_least=0)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="make the directory writable"):
        take(tmp_path / "nowhere" / "run", at_least=0)
