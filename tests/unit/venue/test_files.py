"""What a session keeps on disk: sequence numbers, the send log, the kill file, the FIX log."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from decimal import Decimal
from time import monotonic, sleep

import pytest

from gateway.core.orders import Command
from gateway.core.values import CommandKind, OrderType, Side, TimeInForce
from gateway.errors import PreconditionFailed, remedy
from gateway.journal.durable import write_durably
from gateway.venue import send_log
from gateway.venue.fix_log import FixLog
from gateway.venue.gate import KillGate
from gateway.venue.numbers import MARGIN, Numbers, read_store, to_restore
from gateway.venue.send_log import SendLog, Sent

# ------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("store", "watermark", "last_sent", "restored"),
    [
        (None, None, 0, Numbers(1, 1)),
        (Numbers(5, 9), None, 0, Numbers(5, 9)),  # a store without a journal: the store is all there is
        (Numbers(5, 9), 6, 0, Numbers(5, 7)),  # the journal is behind: the venue resends 7 and 8
        (Numbers(5, 2), 6, 0, Numbers(5, 7)),  # the store is behind
        (Numbers(1, 1), 6, 11, Numbers(12, 7)),  # the engine began a new store: never a number that was used
        (Numbers(20, 9), 8, 11, Numbers(20, 9)),  # admin messages after the last request
        (None, 0, 0, Numbers(1, 1)),  # a new epoch
    ],
)
def test_numbers_to_restore(store, watermark, last_sent, restored):
    assert to_restore(store, watermark, last_sent) == restored


@pytest.mark.parametrize(
    ("store", "last_sent", "promised", "elsewhere", "next_sender"),
    [
        (Numbers(20, 9), 11, 18, False, 20),  # this store was used last: it knows
        (Numbers(18, 9), 11, 18, False, 18),
        (Numbers(17, 9), 11, 18, False, 18 + MARGIN),  # an older copy, or death between a commit and its send: nobody can tell
        (None, 0, 18, False, 18 + MARGIN),  # the store is lost: above everything the engine may have sent by itself
        (Numbers(20, 9), 11, 400, True, 400 + MARGIN),  # another directory was used since: so is everything here
        (Numbers(900, 9), 11, 400, True, 400 + MARGIN),  # of an epoch before, perhaps
        (Numbers(1900, 9), 11, 400, True, 1900),  # or of a run that the journal's server forgot: never below a number used
        (Numbers(20, 9), 500, 400, True, 501 + MARGIN),
        (Numbers(20, 9), 0, 0, True, 1),  # a new epoch in which nothing was sent yet
    ],
)
def test_the_number_to_send_under_after_another_directory_or_none(store, last_sent, promised, elsewhere, next_sender):
    restored = to_restore(store, 6, last_sent, promised, elsewhere=elsewhere)
    assert restored == Numbers(next_sender, 7)


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("0000000012 : 0000000034", Numbers(12, 34)),
        ("12:34\n", Numbers(12, 34)),
        ("12", None),
        ("", None),
        ("a : b", None),
        ("é : 1", None),
    ],
)
def test_the_store_as_it_lies_on_disk(tmp_path, content, numbers):
    (tmp_path / "FIX.4.4-DESK-SIM.seqnums").write_text(content, encoding="utf-8")
    assert read_store(tmp_path, "FIX.4.4", "DESK", "SIM") == numbers


def test_no_store(tmp_path):
    assert read_store(tmp_path / "none", "FIX.4.4", "DESK", "SIM") is None


# ------------------------------------------------------------------------------------------------------------ send log


def written(path, *entries):
    log = SendLog(path, 1)
    for entry in entries:
        log.append(*entry)
    log.close()


def test_the_send_log_remembers_over_processes(tmp_path):
    path = tmp_path / "send.log"
    written(path, (1, 3, "a-1-1"), (1, 4, "a-1-2"), (2, 2, "a-2-1"))
    log = SendLog(path, 1)
    assert log.find("a-1-2") == Sent(1, 4, "a-1-2")
    assert log.find("a-9-9") is None
    assert log.cl_ord_id(2, 2) == "a-2-1"
    assert log.cl_ord_id(1, 2) is None
    assert (log.last_number(1), log.last_number(2), log.last_number(3)) == (4, 2, 0)


def test_absence_proves_something_only_for_runs_of_this_boot(tmp_path, monkeypatch):
    path = tmp_path / "send.log"
    assert not SendLog(path, 1).complete(1), "what this opening will write proves nothing about a crash before it"
    assert SendLog(path, 2).complete(1)
    monkeypatch.setattr(send_log, "boot_id", lambda: "another-boot")
    assert not SendLog(path, 3).complete(2), "lines of run 2 may have been lost with the power"
    log = SendLog(path, 4)
    assert log.complete(3), "run 3 opened it in this boot"
    assert not log.complete(2), "a later opening in this boot says nothing about an earlier boot's run"
    monkeypatch.setattr(send_log, "boot_id", lambda: "unknown")
    SendLog(path, 5)
    assert not SendLog(path, 6).complete(5)


def test_what_the_journal_lost_is_in_the_send_log(tmp_path):
    path = tmp_path / "send.log"
    for run_id, entry in ((1, (1, 3, "a-1-1-1")), (2, (1, 5, "a-2-1-1")), (3, (1, 8, "a-3-1-1"))):
        log = SendLog(path, run_id)
        log.append(*entry)
        log.close()
    known = {"a-1-1-1", "a-2-1-1", "a-3-1-1"}
    log = SendLog(path, 4)
    assert log.beyond(3, known.__contains__) == []
    assert log.beyond(0, {"a-1-1-1"}.__contains__) == [Sent(1, 5, "a-2-1-1"), Sent(1, 8, "a-3-1-1")]
    assert log.beyond(2, {"a-2-1-1"}.__contains__) == [Sent(1, 8, "a-3-1-1")]
    assert log.beyond(3, {"a-2-1-1"}.__contains__) == [Sent(1, 8, "a-3-1-1")]
    log.append(1, 9, "a-4-1-1")
    assert log.beyond(4, known.__contains__) == [], "what this run sends is nobody's loss"
    log.close()
    assert SendLog(path, 5).beyond(4, known.__contains__) == [Sent(1, 9, "a-4-1-1")]
    assert SendLog(path, 6).beyond(5, known.__contains__) == [], "told once: the journal knows the run that told"


def test_a_torn_last_line_is_no_line_and_spoils_no_other(tmp_path):
    """`a-1-1` is what power loss left of `a-1-12`: it must not be taken for that other order."""
    path = tmp_path / "send.log"
    written(path, (1, 3, "a-1-1"))
    with path.open("a") as file:
        file.write("1 4 a-1-1")
    log = SendLog(path, 1)
    assert log.find("a-1-1") == Sent(1, 3, "a-1-1")
    assert log.cl_ord_id(1, 4) is None
    log.append(1, 4, "a-1-3")
    assert SendLog(path, 2).complete(1)
    assert SendLog(path, 3).find("a-1-3") == Sent(1, 4, "a-1-3")


def test_a_short_write_spoils_no_later_line(tmp_path, monkeypatch):
    """A disk that was full for a moment: the next request is on the wire, and its line must be found after a crash."""
    path = tmp_path / "send.log"
    log = SendLog(path, 1)
    real, room = os.write, [8, 3]

    def write(file, data):
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data[: room.pop(0)])

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        with pytest.raises(OSError, match=r"send.log: No space left on device"):
            log.append(1, 5, "a-1-12-1")
    assert log.find("a-1-12-1") is None
    log.append(1, 5, "a-1-13-1")
    after = SendLog(path, 1)
    assert after.find("a-1-13-1") == Sent(1, 5, "a-1-13-1")
    assert after.cl_ord_id(1, 5) == "a-1-13-1"
    assert after.find("a-1-12-1") is None


def test_a_long_log_keeps_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(send_log, "_KEEP_LINES", 10)
    path = tmp_path / "send.log"
    written(path, *((1, number, f"id-{number}") for number in range(1, 51)))
    log = SendLog(path, 1)
    assert log.last_number(1) == 50
    assert log.find("id-1") is None
    assert len(path.read_text().splitlines()) == 11
    assert SendLog(path, 1).complete


def test_a_long_run_remembers_what_the_next_one_would(tmp_path, monkeypatch):
    """In memory, too: a session may send millions of requests in one run."""
    monkeypatch.setattr(send_log, "_KEEP_LINES", 10)
    monkeypatch.setattr(send_log, "_FORGET", 3)
    log = SendLog(tmp_path / "send.log", 1)
    for number in range(1, 51):
        log.append(1, number, f"id-{number}")
    assert log.last_number(1) == 50
    for number in range(41, 51):
        assert log.find(f"id-{number}") == Sent(1, number, f"id-{number}")
        assert log.cl_ord_id(1, number) == f"id-{number}"
    assert [number for number in range(1, 38) if log.find(f"id-{number}") or log.cl_ord_id(1, number)] == []


def test_an_unusable_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PreconditionFailed, match="make the directory writable"):
        SendLog(tmp_path / "file" / "send.log", 1)


# ----------------------------------------------------------------------------------------------------------- kill gate


def command(kind=CommandKind.NEW, strategy="maker", venue="SIM"):
    return Command(
        kind=kind,
        order_id="1-1",
        cl_ord_id="x",
        venue=venue,
        strategy=strategy,
        account="",
        symbol="USD/JPY",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        price=Decimal(1),
    )


def test_the_gate_closes_for_its_scope_and_lets_cancels_pass(tmp_path):
    gate = KillGate(tmp_path / "kill.json")
    assert gate.refusal(command()) is None
    gate.engage("strategy:maker", "why")
    assert gate.refusal(command()) == "kill switch engaged for strategy:maker"
    assert gate.refusal(command(CommandKind.REPLACE)) is not None
    assert gate.refusal(command(CommandKind.CANCEL)) is None
    assert gate.refusal(command(strategy="desk")) is None
    gate.engage("all", "")
    assert gate.refusal(command(strategy="desk")) is not None


def test_an_engaged_scope_survives_the_process_until_released(tmp_path):
    path = tmp_path / "kill.json"
    KillGate(path).engage("all", "why")
    gate = KillGate(path)
    assert gate.engaged == {"all": "why"}
    gate.engage("venue:SIM", "too")
    gate.release("all")
    assert KillGate(path).engaged == {"venue:SIM": "too"}
    gate.release("venue:SIM")
    assert KillGate(path).engaged == {}
    assert gate.refusal(command()) is None


def test_a_release_opens_nothing_that_was_closed_after_it(tmp_path):
    gate = KillGate(tmp_path / "kill.json")
    gate.engage("all", "first")
    asked = gate.times("all")
    gate.engage("venue:SIM", "another scope")
    gate.engage("all", "again")
    gate.release("all", asked)
    assert gate.engaged == {"all": "again", "venue:SIM": "another scope"}
    gate.release("all", gate.times("all"))
    assert gate.engaged == {"venue:SIM": "another scope"}


@pytest.mark.parametrize("content", [b"", b"{", b'{"all": 1}', b"[]", b"\xff\xfe"])
def test_an_unreadable_kill_file_means_killed(tmp_path, content):
    path = tmp_path / "kill.json"
    path.write_bytes(content)
    gate = KillGate(path)
    assert gate.refusal(command()) is not None
    gate.release("all")
    assert gate.refusal(command()) is None
    assert KillGate(path).engaged == {}


def test_what_others_write_into_the_file_is_adopted_once_and_kept(tmp_path):
    path = tmp_path / "kill.json"
    gate = KillGate(path)
    path.write_text(json.dumps({"venue:SIM": "by hand"}))
    assert gate.reload() == {"venue:SIM": "by hand"}
    assert gate.reload() == {}
    assert gate.refusal(command()) is not None
    path.write_text(json.dumps({"venue:SIM": "by hand", "account:A": "by hand, too"}))
    gate.engage("all", "here")
    assert set(KillGate(path).engaged) == {"venue:SIM", "account:A", "all"}
    path.unlink()
    assert gate.reload() == {}
    assert gate.refusal(command()) is not None, "only a release opens the gate"


@pytest.fixture
def no_disk(monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.venue.gate.write_durably", fail)


def test_a_gate_that_cannot_write_is_closed_all_the_same(tmp_path, no_disk):
    gate = KillGate(tmp_path / "kill.json")
    with pytest.raises(PreconditionFailed, match="No space left"):
        gate.engage("all", "why")
    assert gate.refusal(command()) is not None


def test_no_scope_waits_for_the_disk_that_hangs_over_another(tmp_path):
    gate = KillGate(tmp_path / "kill.json")
    pipe = tmp_path / "kill.json.new"
    os.mkfifo(pipe)  # whoever opens it for writing waits for a reader

    def engage(scope):
        with contextlib.suppress(PreconditionFailed):  # in the end the disk refuses: a pipe cannot be synced
            gate.engage(scope, "why")

    threads = [threading.Thread(target=engage, args=(scope,), daemon=True) for scope in ("venue:SIM", "venue:OTHER")]
    end = monotonic() + 20
    for thread, venue in zip(threads, ("SIM", "OTHER"), strict=True):
        thread.start()
        while gate.refusal(command(venue=venue)) is None:
            assert monotonic() < end, "the gate is closed before the disk is asked"
            sleep(0.01)
    gate.stop("invariant", "all", "waits for no disk either")
    assert all(thread.is_alive() for thread in threads), "the disk still hangs"
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for thread in threads:
        thread.join(20)
    os.close(reader)
    assert not any(thread.is_alive() for thread in threads)
    assert gate.engaged == {"venue:SIM": "why", "venue:OTHER": "why"}


def test_what_another_process_engages_during_a_release_stays_in_the_file(tmp_path, monkeypatch):
    """`gateway kill engage` writes the file itself when the gateway does not answer."""
    path = tmp_path / "kill.json"
    gate, beside = KillGate(path), KillGate(path)
    gate.engage("venue:SIM", "why")
    other = threading.Thread(target=beside.engage, args=("all", "beside it"), daemon=True)

    def slow(path, content):
        if not other.ident:
            other.start()
            other.join(0.1)
        write_durably(path, content)

    monkeypatch.setattr("gateway.venue.gate.write_durably", slow)
    gate.release("venue:SIM")
    other.join(20)
    assert json.loads(path.read_text()) == {"all": "beside it"}
    assert gate.reload() == {"all": "beside it"}


def test_a_release_that_cannot_be_written_releases_nothing(tmp_path, monkeypatch):
    path = tmp_path / "kill.json"
    gate = KillGate(path)
    gate.engage("all", "why")

    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.venue.gate.write_durably", fail)
    with pytest.raises(PreconditionFailed):
        gate.release("all")
    assert gate.refusal(command()) is not None
    assert KillGate(path).engaged == {"all": "why"}


# ------------------------------------------------------------------------------------------------------------- FIX log


def test_the_fix_log_shows_no_password_and_no_second_line(tmp_path):
    path = tmp_path / "messages.log"
    log = FixLog(path)
    log.put("out", "8=FIX.4.4\x019=1\x0135=A\x01554=geheim\x0196=raw\x0110=000\x01")
    log.put("in", "8=FIX.4.4\x0135=8\x0158=x\n20260101-00:00:00.000000 in 8=FIX.4.4\r\x0110=000\x01")
    log.put("in", "8=FIX.4.4\x0158=\udcff\x01")
    log.close()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 3
    assert b"geheim" not in lines[0]
    assert b"96=raw" not in lines[0]
    assert b"\x0135=A\x01" in lines[0]
    assert b"58=x\xe2\x90\x8a2026" in lines[1]
    assert b"58=\xff" in lines[2]
    assert path.stat().st_mode & 0o077 == 0


def test_the_fix_log_goes_on_where_it_ended(tmp_path):
    for text in ("first", "second"):
        log = FixLog(tmp_path / "messages.log")
        log.put("event", text)
        log.close()
    assert [line.split()[-1] for line in (tmp_path / "messages.log").read_text().splitlines()] == ["first", "second"]


def test_the_fix_log_counts_what_it_could_not_take(tmp_path, monkeypatch):
    writing, go_on = threading.Event(), threading.Event()

    def slow(text):
        writing.set()
        assert go_on.wait(100)
        return text

    monkeypatch.setattr("gateway.venue.fix_log._CAPACITY", 1)
    monkeypatch.setattr("gateway.venue.fix_log.redact", slow)
    log = FixLog(tmp_path / "messages.log")
    log.put("in", "being written")
    assert writing.wait(100)
    for text in ("waits", "lost", "lost", "lost"):
        log.put("in", text)
    go_on.set()
    log.close()
    lines = (tmp_path / "messages.log").read_text().splitlines()
    assert len(lines) == 3
    assert "3 lines lost" in lines[2]


class Disk:
    """A file that takes so many bytes more, and then is full until there is room."""

    def __init__(self, file, room):
        self.file = file
        self.room = room
        self.refused = threading.Event()

    def write(self, content):
        if self.room <= 0:
            self.refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = content[: self.room]
        self.room -= len(taken)
        return self.file.write(taken)

    def close(self):
        self.file.close()


def test_a_full_disk_holds_the_fix_log_up_and_costs_no_line(tmp_path):
    log = FixLog(tmp_path / "messages.log")
    disk = Disk(log._file, room=40)
    log._file = disk
    for number in range(600):
        log.put("out", f"order {number}")
    assert disk.refused.wait(100)
    disk.refused.clear()
    assert disk.refused.wait(100), "tried again"
    disk.room = 1_000_000
    log.close()
    lines = (tmp_path / "messages.log").read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [f"order {number}" for number in range(600)]


def test_a_full_disk_leaves_the_gate_closed_and_says_what_to_do(tmp_path):
    (tmp_path / "kill.json.new").symlink_to("/dev/full")
    gate = KillGate(tmp_path / "kill.json")
    with pytest.raises(PreconditionFailed, match="No space left on device; free space on the disk"):
        gate.engage("all", "drill")
    assert gate.engaged == {"all": "drill"}


def test_a_read_only_file_system_is_no_matter_of_permissions():
    assert remedy(OSError(errno.EROFS, "Read-only file system")).startswith("remount")
    assert remedy(PermissionError(errno.EACCES, "Permission denied")) == "make the directory writable"
