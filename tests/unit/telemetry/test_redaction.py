"""No password survives redaction in any dress FIX text comes in, and nothing else is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redaction import printable, redact, redact_value

LOGON = "8=FIX.4.4\x019=99\x0135=A\x0149=DESK\x01553=user\x01554=hunter2\x01925=hunter3\x0110=123\x01"

DRESSES = {
    "wire": LOGON,
    "pipes": LOGON.replace("\x01", "|"),
    "carets": LOGON.replace("\x01", "^A"),
    "marks": LOGON.replace("\x01", "<SOH>"),
    "repr": repr(LOGON),
    "json": json.dumps(LOGON),
    "bytes": repr(LOGON.encode()),
}


@pytest.mark.parametrize("text", DRESSES.values(), ids=DRESSES.keys())
def test_passwords_are_masked_in_every_dress(text: str) -> None:
    assert "hunter2" in text
    cleaned = redact(text)
    assert "hunter" not in cleaned
    assert "554=***" in cleaned
    assert "925=***" in cleaned
    assert "553=user" in cleaned
    assert "10=123" in cleaned


def test_the_checksum_and_the_separators_stay_where_they_are() -> None:
    assert redact(LOGON) == LOGON.replace("hunter2", "***").replace("hunter3", "***")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("35=A\x0195=5\x0196=ab\x01cd\x0110=1\x01", "35=A\x0195=5\x0196=***\x0110=1\x01"),
        (r"35=A\x0196=abcd\x0110=1\x01", r"35=A\x0196=***\x0110=1\x01"),
        ("35=B\x0195=4\x0196=news\x0110=1\x01", "35=B\x0195=4\x0196=news\x0110=1\x01"),
        ("35=A\x011401=2\x011402=xy\x0110=1\x01", "35=A\x011401=2\x011402=***\x0110=1\x01"),
        ("554=first", "554=***"),
        ("35=A|554=a|b|10=1|", "35=A|554=***|10=1|"),
        ("35=A\x01554=a|5=b\x0110=1\x01", "35=A\x01554=***\x0110=1\x01"),
        ("35=D\x011554=kept\x0138=5\x01", "35=D\x011554=kept\x0138=5\x01"),
        ("35=AE\x0196=kept\x01", "35=AE\x0196=kept\x01"),
        ("", ""),
    ],
)
def test_redaction_covers_the_field_and_no_more(text: str, cleaned: str) -> None:
    assert redact(text) == cleaned


@given(st.text(st.characters(exclude_characters="\x01"), min_size=3), st.sampled_from(["554", "925", "1402", "1404"]))
def test_no_password_without_soh_survives(password: str, tag: str) -> None:
    assert redact(f"8=FIX.4.4\x0135=A\x01{tag}={password}\x0110=1\x01") == f"8=FIX.4.4\x0135=A\x01{tag}=***\x0110=1\x01"


@given(st.text())
def test_text_without_a_password_field_is_left_alone(text: str) -> None:
    if not any(f"{tag}=" in text for tag in ("554", "925", "1402", "1404", "96")):
        assert redact(text) == text


def test_values_are_redacted_however_deep() -> None:
    value = {"a": [{"raw": "554=hunter2"}], "b": b"35=A|554=hunter2|10=1|", "Password": "hunter2", "c": (1, None)}
    cleaned = redact_value(value)
    assert "hunter2" not in str(cleaned)
    assert cleaned["c"] == [1, None]


def test_objects_are_redacted_as_text() -> None:
    assert redact_value(ValueError("bad logon 554=hunter2")) == "bad logon 554=***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("35=8\x0158=x\x01", "35=8|58=x|"),
        ("a\nb\r", "a\\nb\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("Zürich 円", "Zürich 円"),
    ],
)
def test_a_terminal_shows_text_and_does_not_obey_it(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_of_a_traceback_stay_lines() -> None:
    assert printable("a\n\tb\x1b[0m", keep_lines=True) == "a\n\tb\\x1b[0m"
