"""Our scanner, simplefix and FixMessage read the same messages and the same fields; counts agree with an independent count.

Besides the ten layouts this reads the logs of the directory GATEWAY_TEST_FIX_LOGS, where it is set.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import simplefix
from fixlog_layouts import fix, given_logs, head, layouts, session

from gateway.fixlogs.header import HeaderReader, searched
from gateway.fixlogs.reader import Log, parse
from gateway.fixlogs.sources import Source
from gateway.fixlogs.statistics import Statistics

LAYOUTS = layouts()


def feed() -> bytes:
    """A market data feed as some exchanges log it: FIXT.1.1, no sequence numbers, no CompIDs, no lines."""
    beat = "35=0|52=20240102-09:00:00.{:03d}|1180=FEED|"
    update = "35=X|52=20240102-09:00:01.{:03d}|1180=FEED|1181={}|268=2|279=0|55=J{}|269=3|270=7.57|279=0|55=J1|269=4|270=1|"
    messages = [fix(beat.format(n) if n % 3 else update.format(n, n, n), begin="FIXT.1.1") for n in range(300)]
    return b"".join(messages) + messages[0][:60]


def by_simplefix(data: bytes) -> list[list[tuple[int, bytes]]]:
    parser = simplefix.FixParser(allow_empty_values=True)
    found = []
    for at in range(0, len(data), 512):
        parser.append_buffer(data[at : at + 512])
        while (message := parser.get_message()) is not None:
            found.append([(int(tag), value) for tag, value in message.pairs])
    return found


def written(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "session", tmp_path / "feed"]
    paths[0].write_bytes(b"".join(session()))
    paths[1].write_bytes(feed())
    return [*paths, *given_logs()]


def test_simplefix_reads_the_same_messages_and_fields(tmp_path: Path) -> None:
    compared = 0
    for path in written(tmp_path):
        ours = [message.body for message in Log(Source(str(path))).messages() if message.odd == 0]
        theirs = by_simplefix(path.read_bytes())
        assert len(ours) == len(theirs)
        for body, pairs in zip(ours, theirs, strict=True):
            fields = [(tag, value.encode("latin-1" if not _utf8(body) else "utf-8")) for tag, value in parse(body).fields]
            assert fields == pairs
            compared += 1
    assert compared >= 310


def _utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_counts_agree_with_an_independent_count(tmp_path: Path) -> None:
    for path in written(tmp_path)[1:]:
        data = path.read_bytes()
        log, counted = Log(Source(str(path))), Statistics()
        for batch in log.batches():
            counted.add(log, batch)
        result = counted.result()
        assert result["messages"] == len(re.findall(rb"8=FIXT?\.[0-9]\.[0-9]\x01", data))
        assert result["messages"] - sum(result["odd"].values()) == len(re.findall(rb"\x0110=[0-9]{3}\x01", data))
        for row in result["types"]:
            begin, kind = row["version"].encode(), row["msg_type"].encode()
            assert row["messages"] == len(re.findall(rb"8=%s\x019=[0-9]+\x0135=%s\x01" % (re.escape(begin), kind), data))


@pytest.mark.parametrize("name", LAYOUTS)
def test_counts_of_every_layout_agree_with_an_independent_count(tmp_path: Path, name: str) -> None:
    data = LAYOUTS[name]
    (tmp_path / name).write_bytes(data)
    log, counted = Log(Source(str(tmp_path / name))), Statistics()
    for batch in log.batches():
        counted.add(log, batch)
    unbroken = data.replace(b"\r\n", b"") if name == "wrapped" else data
    kinds = Counter(kind.decode() for kind in re.findall(rb"(?:\x01|\||\^A|;|u0001)35=([0-9A-Za-z])", unbroken))
    assert kinds.total() >= 9
    assert {row["msg_type"]: row["messages"] for row in counted.result()["types"]} == kinds


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"8=FIX.4.4\x01 9=5\x0135=0\x0110=000\x01", [(8, "FIX.4.4"), (9, "5"), (35, "0"), (10, "000")]),  # by simplefix
        (b"8=FIX.4.4\x019=5\x01garbled\x0110=000\x01", [(8, "FIX.4.4"), (9, "5\x01garbled"), (10, "000")]),
        (b"8=FIX.4.4\x01=5\x01x=y\x01", [(8, "FIX.4.4\x01=5\x01x=y")]),
    ],
)
def test_what_is_no_sequence_of_fields_keeps_every_byte(body: bytes, fields: list[tuple[int, str]]) -> None:
    assert list(parse(body).fields) == fields


def test_a_header_in_any_order_is_found(tmp_path: Path) -> None:
    bodies = [
        head("0", 1, 0),
        "35=0|49=DESK|56=SIM|34=2|52=20240102-10:00:00|",
        "35=0|34=3|43=Y|49=DESK|52=20240102-10:00:00|56=SIM|122=20240102-09:00:00|",
        "35=0|34=4|52=20240102-10:00:00|112=x|49=DESK|56=SIM|",
        "35=0|112=x|",
    ] * 3
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(fix, bodies)))
    found = list(Log(Source(str(path))).messages())
    assert [(m.msg_seq_num, m.sender, m.target) for m in found] == [
        (1, "DESK", "SIM"), (2, "DESK", "SIM"), (3, "DESK", "SIM"), (4, "DESK", "SIM"), (None, "", ""),
    ] * 3  # fmt: skip
    log, counted = Log(Source(str(path))), Statistics()
    for batch in log.batches():
        counted.add(log, batch)
    result = counted.result()
    assert result["without"] == dict.fromkeys(("MsgSeqNum(34)", "SendingTime(52)", "SenderCompID(49)", "TargetCompID(56)"), 3)
    assert result["sessions"][0]["messages"] == 12


def test_headers_read_together_are_those_read_one_by_one():
    """Wherever the part of a message that is looked at ends: bodies hold what looks like the begin of a header."""
    messages = tuple(
        fix(head("X", number, number % 60) + "x" * (number % 90) + "58=a|278=8|279=8=FI|58=1278=|" * 4)
        for number in range(1, 400)
    )
    reader = HeaderReader()
    rows, at = reader.rows(messages)
    one_by_one = [searched(message) for message in messages]
    assert [tuple(row[place] for place in at) for row in rows] == [tuple(header) for header in one_by_one]
