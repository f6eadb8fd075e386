"""The emergency file: what was sent is on disk, read back whole, and kept until the journal has it for certain."""

from __future__ import annotations

import os

from gateway.core.events import EmergencyCancelSent
from gateway.venue.emergency_file import EmergencyFile


def sent(name):
    return EmergencyCancelSent(
        venue="SIM", session="S", epoch=1, msg_seq_num=7, order_id="1-1", cl_ord_id=name, orig_cl_ord_id="p-1-1-1", sent_ns=5
    )


def test_the_next_start_reads_what_was_written(tmp_path):
    path = tmp_path / "emergency.log"
    file = EmergencyFile(path, 3)
    assert file.lines == []
    for name in ("a", "b"):
        file.append(sent(name))
    again = EmergencyFile(path, 4)  # the first died without closing it
    assert again.untold(3) == [sent("a"), sent("b")]
    again.append(sent("c"))
    assert [line.event.cl_ord_id for line in EmergencyFile(path, 5).lines] == ["a", "b", "c"]


def test_it_is_kept_until_a_later_run_is_in_the_journal(tmp_path):
    path = tmp_path / "emergency.log"
    EmergencyFile(path, 3).append(sent("a"))
    later = EmergencyFile(path, 4)
    later.forget(3)  # the journal's last run is the one that sent it: power loss may still take what run 4 wrote
    later = EmergencyFile(path, 5)
    assert later.untold(4) == []
    assert later.untold(2) == [sent("a")], "an older journal was restored"
    later.forget(4)
    later.append(sent("b"))
    assert EmergencyFile(path, 6).untold(0) == [sent("b")]


def test_an_unfinished_line_is_no_line(tmp_path):
    path = tmp_path / "emergency.log"
    file = EmergencyFile(path, 1)
    file.append(sent("a"))
    with path.open("r+b") as raw:
        raw.seek(file._end)
        raw.write(b'{"run_id":1,"ev')
    again = EmergencyFile(path, 2)
    assert [line.event for line in again.lines] == [sent("a")]
    again.append(sent("b"))
    assert [line.event for line in EmergencyFile(path, 3).lines] == [sent("a"), sent("b")]


def test_its_blocks_are_there_before_they_are_needed(tmp_path):
    path = tmp_path / "emergency.log"
    EmergencyFile(path, 1)
    assert os.stat(path).st_blocks * 512 >= 1 << 18
