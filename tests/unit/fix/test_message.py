from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UndecodableMessage
from gateway.fix.message import FixMessage, GroupDefinition, readable, without_surrogates

SOH = "\x01"


def soh(text: str) -> str:
    return text.replace("|", SOH)


def test_fields_keep_their_order_and_the_first_of_a_tag_counts():
    message = FixMessage.parse(soh("8=FIX.4.4|35=8|34=7|43=Y|58=a=b|58=second|"))
    assert message.fields == ((8, "FIX.4.4"), (35, "8"), (34, "7"), (43, "Y"), (58, "a=b"), (58, "second"))
    assert message.get(58) == "a=b"
    assert message.repeated == (58,)
    assert (message.msg_type, message.msg_seq_num, message.poss_dup) == ("8", 7, True)


def test_an_empty_value_says_nothing_but_is_there():
    message = FixMessage.parse(soh("35=8|58=|"))
    assert message.get(58) is None
    assert 58 in message


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("", "empty"),
        ("35=8", "cut off"),
        ("35=8|58=cut", "cut off"),
        ("35=8||58=x|", "not a tag number"),
        ("35=8|58|", "not a tag number"),
        ("35=8|=x|", "not a tag number"),
        ("35=8|-5=x|", "not a tag number"),
        ("35=8|05=x|", "not a tag number"),
        ("35=8|1_0=x|", "not a tag number"),
        ("35=8|٣=x|", "not a tag number"),
        ("35=8|99999999999=x|", "not a tag number"),
        ("hello world", "not a tag number"),
    ],
)
def test_what_is_not_fix_is_refused_with_the_raw_text(raw, what):
    with pytest.raises(UndecodableMessage, match=what) as caught:
        FixMessage.parse(soh(raw))
    assert caught.value.raw == soh(raw)


def test_data_fields_may_hold_soh():
    message = FixMessage.parse(soh("35=8|95=9|96=a|10=x|b=|354=3|355=x|y|58=after|"))
    assert message.get(96) == soh("a|10=x|b=")
    assert message.get(355) == soh("x|y")
    assert message.get(58) == "after"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_data_lengths_count_bytes_whatever_the_text_was_decoded_from(encoding):
    data = soh("zurück|été").encode(encoding)
    raw = b"35=8\x01354=%d\x01355=%s\x0158=after\x01" % (len(data), data)
    message = FixMessage.parse(raw.decode(encoding))
    assert message.get(355) == soh("zurück|été")
    assert message.get(58) == "after"


def test_a_length_that_fits_nothing_is_not_believed():
    message = FixMessage.parse(soh("35=8|95=400|96=abc|58=after|"))
    assert (message.get(96), message.get(58)) == ("abc", "after")


GROUP = GroupDefinition(268, "NoMDEntries(268)", 279, frozenset({279, 269, 270, 271}), frozenset({10, 262, 35}))


def entries(text: str) -> list[tuple[tuple[int, str], ...]]:
    return [entry.fields for entry in FixMessage.parse(soh(text)).groups(GROUP)]


def test_unknown_tags_stay_with_the_entry_they_stand_in():
    assert entries("35=X|268=2|279=0|5001=a|270=1|279=1|270=2|5002=b|262=R|10=1|") == [
        ((279, "0"), (5001, "a"), (270, "1")),
        ((279, "1"), (270, "2"), (5002, "b")),
    ]


def test_a_sender_that_begins_entries_with_another_field_is_followed_if_its_count_fits():
    assert entries("35=X|268=2|269=0|279=0|270=1|269=1|279=0|270=2|10=1|") == [
        ((269, "0"), (279, "0"), (270, "1")),
        ((269, "1"), (279, "0"), (270, "2")),
    ]
    assert len(entries("35=X|268=2|5001=x|279=0|270=1|279=0|270=2|10=1|")) == 2


def test_no_entries():
    assert entries("35=X|10=1|") == []
    assert entries("35=X|268=0|5001=x|10=1|") == []
    assert entries("35=X|268=2|10=1|") == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("35=8|58=x|", "35=8|58=x|"),
        ("35=A|553=me|554=secret|925=new|108=30|", "35=A|553=me|554=***|925=***|108=30|"),
        ("35=A|95=8|96=sec|1=et|108=30|", "35=A|95=8|96=***|108=30|"),
        ("35=B|95=6|96=public|", "35=B|95=6|96=public|"),
        ("35=BE|1402=abc|1404=def|", "35=BE|1402=***|1404=***|"),
        ("554=secret|35=A|", "554=***|35=A|"),
        ("35=A|554=secret|garbage|108=30|", "35=A|554=***"),
        ("35=A|554=cut off", "35=A|554=***"),
    ],
)
def test_secrets_are_redacted(raw, shown):
    assert readable(soh(raw)) == shown


def test_text_that_cannot_be_stored_is_made_storable():
    raw = b"35=8\x0158=\xe9t\xe9\x01".decode("utf-8", "surrogateescape")
    assert without_surrogates(raw) == soh("35=8|58=été|")
    assert without_surrogates("a\ud800b\x00") == "a?b\ufffd"


@given(st.lists(st.tuples(st.integers(1, 999_999_999), st.text(st.characters(exclude_characters=SOH))), min_size=1))
def test_every_field_list_survives_the_text(fields):
    raw = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
    parsed = FixMessage.parse(raw)
    if not {90, 93, 95, 212, 348, 350, 352, 354}.intersection(tag for tag, _ in fields):
        assert parsed.fields == tuple(fields)


@given(st.text())
def test_arbitrary_text_is_parsed_or_refused_and_always_shown(raw):
    assert SOH not in readable(raw)
    with contextlib.suppress(UndecodableMessage):
        assert FixMessage.parse(raw).fields
