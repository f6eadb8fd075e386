"""The same session, written in ten ways, is the same session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fixlog_layouts import fix, head, layouts, outgoing, session, visible

from gateway.fixlogs import oddities
from gateway.fixlogs.framing import Framer
from gateway.fixlogs.layout import separator_name
from gateway.fixlogs.reader import Log, LogMessage, in_order, logs, merged
from gateway.fixlogs.sources import Source
from gateway.fixlogs.statistics import Statistics

Read = Callable[..., list[LogMessage]]
LAYOUTS = layouts()
WITHOUT_DATA = [message for message in session() if b"\x0195=" not in message]
SEPARATORS = {"logback": "|", "caret": "^A", "semicolon": ";", "json": "\\u0001", "wrapped": "|"}
DIRECTIONS = {"quickfix-j", "logback", "caret", "json"}
CLOCKS = {"quickfix-c++", "quickfix-j", "quickfix-n", "quickfix-go", "logback", "caret", "json"}
FIRST_NS = 1_704_189_600_000_000_000


def expected(name: str) -> list[bytes]:
    return session() if name in ("quickfix-c++", "raw") else WITHOUT_DATA


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_messages_are_the_same_in_every_layout(read: Read, name: str, packed: bool) -> None:
    found = read(LAYOUTS[name], packed=packed)
    assert [message.body for message in found] == expected(name)
    odd = {message.odd for message in found}
    assert odd == ({oddities.WRAPPED} if name == "wrapped" else {0})
    log = found[0].log
    assert log.framer.separator is not None
    assert separator_name(log.framer.separator) == SEPARATORS.get(name, "SOH")
    # The first of logback's other lines follows a message on the next line; the file's last one follows the last message.
    assert log.framer.other_lines == {"quickfix-go": 1, "logback": len(WITHOUT_DATA)}.get(name, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("name", LAYOUTS)
def test_blocks_of_any_size_hold_the_same_messages(name: str, size: int) -> None:
    data = LAYOUTS[name]
    framer = Framer()
    found = [record for block in framer.frames(data[at : at + size] for at in range(0, len(data), size)) for record in block]
    assert [message for _, message, _ in found] == expected(name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_directions_are_what_the_words_say(read: Read, name: str) -> None:
    for message in read(LAYOUTS[name]):
        known = ("out" if outgoing(message.body) else "in") if name in DIRECTIONS else None
        assert message.direction == known


@pytest.mark.parametrize("name", LAYOUTS)
def test_log_times_are_utc_whatever_the_clock_of_the_log(read: Read, name: str) -> None:
    found = read(LAYOUTS[name])
    times = [message.logged_ns for message in found]
    assert times == ([FIRST_NS + n * 1_000_000_000 for n in range(len(found))] if name in CLOCKS else [None] * len(found))
    assert found[0].log.prefixes.offset_ns in ((9 * 3600 * 10**9,) if name == "logback" else (0, None))


def test_several_messages_on_a_line_share_its_prefix(read: Read) -> None:
    a, b, c = session()[:3]
    found = read(b"2024-01-02 10:00:00.000 IN " + a + b" " + b + b"\n2024-01-02 10:00:02.000 OUT " + c + b"\n")
    assert [(m.direction, m.logged_ns) for m in found] == [("in", FIRST_NS), ("in", FIRST_NS), ("out", FIRST_NS + 2 * 10**9)]


def test_fields_on_lines_of_their_own(read: Read) -> None:
    data = b"".join(visible(message, b"\n") + b"\n" for message in WITHOUT_DATA)
    assert [message.body for message in read(data)] == WITHOUT_DATA
    assert [message.body for message in read(data.replace(b"\n", b"\r\n"))] == WITHOUT_DATA


def test_a_separator_inside_a_value_is_told_apart_by_the_checksum(read: Read) -> None:
    message = fix(head("B", 1, 0) + "58=a{b|").replace(b"{", b"|")
    message = fix(message.split(b"\x01", 2)[2].rsplit(b"10=", 1)[0].decode().replace("|", "\x00").replace("\x01", "|")).replace(
        b"\x00", b"|"
    )
    right = _stated(message)
    assert read(visible(right, b"|") + b"\n")[0].body == right


def _stated(message: bytes) -> bytes:
    inner = message.split(b"\x01", 2)[2].rsplit(b"10=", 1)[0]
    start = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner
    return start + b"10=%03d\x01" % (sum(start) % 256)


def test_what_is_odd_is_said(read: Read) -> None:
    good = session()[2]
    wrong_sum = good[:-4] + b"%03d\x01" % ((int(good[-4:-1]) + 1) % 256)
    number = good[12 : good.index(b"\x01", 12)]
    wrong_length = good.replace(b"\x019=" + number, b"\x019=999")
    data = b"".join(part + b"\n" for part in (good, wrong_sum, wrong_length, good[:60], visible(good, b"|"), good)) + good[:-9]
    found = [(message.body == good, oddities.words(message.odd)) for message in read(data)]
    cut, other = "cut off: no CheckSum(10)", "another separator than the rest of the log"
    assert found == [
        (True, []),
        (False, ["wrong CheckSum(10)"]),
        (False, ["wrong CheckSum(10)", "wrong or missing BodyLength(9)"]),
        (False, [cut]),
        (True, [other]),
        (True, []),
        (False, [cut]),
    ]


def test_a_message_in_a_data_field_is_data(read: Read) -> None:
    inner = session()[2]
    text = inner.decode("latin-1").replace("\x01", "|")
    outer = fix(head("B", 1, 0) + f"148=n|33=1|58=x|95={len(inner)}|96={text}|")
    assert [message.body for message in read(outer + outer)] == [outer, outer]
    broken = outer.replace(b"148=n", b"148=nn")  # length and checksum are wrong now, the data is not
    assert [message.body for message in read(broken + outer)] == [broken, outer]


def test_a_log_without_numbers_or_names(read: Read) -> None:
    (found,) = read(fix("35=0|52=20240102-10:00:00|1180=FEED|", begin="FIXT.1.1"))
    assert (found.version, found.msg_type, found.msg_seq_num, found.sender, found.target) == ("FIXT.1.1", "0", None, "", "")


def test_utf_16_and_marks(read: Read) -> None:
    text = b"".join(visible(message, b"|") + b"\r\n" for message in session()[:3]).decode("latin-1")
    assert [m.body for m in read(text.encode("utf-16"))] == session()[:3]
    assert [m.body for m in read(b"\xef\xbb\xbf" + text.encode())] == session()[:3]


def test_utf_16_without_a_mark(read: Read) -> None:
    """As the tail of a file has it; zeros between messages make none."""
    text = b"".join(visible(message, b"|") + b"\r\n" for message in session()[:3]).decode("latin-1")
    for encoding in ("utf-16-le", "utf-16-be"):
        assert [m.body for m in read(text.encode(encoding))] == session()[:3]
    assert [m.body for m in read(b"\0" * 5000 + session()[0])] == session()[:1]


@pytest.mark.parametrize("separator", [b"#001", b"\\\\u0001", b"\\\\x01", b"\n    ", b"\r\n\t\t", b"\n          "])
def test_separators_as_what_wraps_logs_writes_them(read: Read, separator: bytes) -> None:
    """rsyslog, JSON within JSON, indented fields."""
    data = b"".join(b"Message:%b" % separator + visible(message, separator) + b"\n" for message in WITHOUT_DATA)
    assert [message.body for message in read(data)] == WITHOUT_DATA


@pytest.mark.parametrize(
    "prefix",
    [
        b"I0102 10:00:00.000456 12345 fix.cc:42] ",
        b"<134>1 2024-01-02T10:00:00Z host fix 812 - - ",
        b'<m t="10:00:00">',
        b"[I 10:00:00 fix:12] ",
    ],
)
def test_levels_and_brackets_are_no_directions(read: Read, prefix: bytes) -> None:
    """What says the same of both sides of a session says nothing of directions."""
    assert {m.direction for m in read(b"".join(prefix + visible(m, b"|") + b"\n" for m in WITHOUT_DATA))} == {None}


def test_a_direction_is_the_word_that_changes_with_it(read: Read) -> None:
    data = b"".join(
        (b"Sending" if outgoing(m) else b"Received") + b" (thread in-1): " + visible(m, b"|") + b"\n" for m in WITHOUT_DATA
    )
    assert [m.direction for m in read(data)] == ["out" if outgoing(m) else "in" for m in WITHOUT_DATA]


def test_twelve_hour_clocks(read: Read) -> None:
    def at(hour: str, text: str) -> bytes:
        sent = fix(head("0", 1, 0).replace("-10:", f"-{hour}:"))
        return f"1/2/2024 {text} ".encode() + visible(sent, b"|") + b"\n"

    log = at("10", "10:00:00 AM") + at("13", "1:00:01 PM") + at("12", "12:00:02 PM") + at("00", "12:00:03 am")
    midnight = FIRST_NS - 10 * 3600 * 10**9
    hours = [round((m.logged_ns or 0) - midnight) / 3600e9 for m in read(log)]
    assert [round(hour, 2) for hour in hours] == [10, 13, 12, 0]


def test_every_count_of_directions_is_the_same(read: Read) -> None:
    """Where a line has several messages, and where it begins in one block and ends in another."""
    pair = [m for m in WITHOUT_DATA if outgoing(m)]
    data = (b"10:00:00 OUT " + b" ".join(pair * 600) + b"\n") * 2 + pair[0] + b"\n"
    messages = read(data)
    told = Counter(m.direction for m in messages)
    assert told == {"out": 1200 * len(pair), None: 1}  # no prefix holds beyond its line
    log = Log(Source(messages[0].log.name))
    statistics, one_by_one = Statistics(), Counter[str | None]()
    for batch in log.batches():
        statistics.add(log, batch)
        one_by_one.update(log.message(batch, at, 0).direction for at in range(len(batch)))
    assert one_by_one == told
    assert statistics.result()["directions"] == {"in": 0, "out": told["out"], "unknown": 1}


@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c"])
def test_archives_are_not_read_and_that_is_said(tmp_path: Path, begin: bytes) -> None:
    (tmp_path / "log").write_bytes(begin + b"".join(session()))
    log = Log(Source(str(tmp_path / "log")))
    assert list(log.messages()) == []
    assert "unpack it" in log.source.problem


def test_a_damaged_gz_ends_where_the_damage_begins(tmp_path: Path) -> None:
    import gzip

    packed = gzip.compress(b"".join(session() * 500))
    path = tmp_path / "log.gz"
    path.write_bytes(packed[: len(packed) // 2])
    log = Log(Source(str(path)))
    count = sum(1 for _ in log.messages())
    assert 0 < count < 5000
    assert "damaged after" in log.source.problem


def test_logs_are_merged_by_time(tmp_path: Path) -> None:
    """A rotated set named in the wrong order, and one file for each direction."""
    messages = WITHOUT_DATA
    parts = {"b.1": messages[:4], "a": messages[4:]}
    for name, content in parts.items():
        (tmp_path / name).write_bytes(b"\n".join(content))
    sources = [Source(str(tmp_path / name)) for name in ("a", "b.1")]
    assert [log.name for log in in_order(logs(sources))] == [str(tmp_path / "b.1"), str(tmp_path / "a")]
    assert [m.body for m in merged(logs(sources))] == messages
    (tmp_path / "in").write_bytes(b"\n".join(m for m in messages if not outgoing(m)))
    (tmp_path / "out").write_bytes(b"\n".join(m for m in messages if outgoing(m)))
    both = merged(logs([Source(str(tmp_path / "in")), Source(str(tmp_path / "out"))]))
    assert [m.body for m in both] == messages


def test_text_without_messages_is_not_kept() -> None:
    framer = Framer()
    for _ in range(100):
        assert framer.feed(b"nothing to see here\n" * 5000) == []
        assert len(framer._held) < 10_000
    framer.feed(b"", final=True)
    assert framer.other_lines == 500_000


def test_directions_have_a_count(read: Read) -> None:
    assert Counter(m.direction for m in read(LAYOUTS["logback"])) == {"in": 5, "out": 4}
