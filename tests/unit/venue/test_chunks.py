"""Which chunk is asked for, and when."""

from __future__ import annotations

import pytest

from gateway.venue import too_low
from gateway.venue.chunks import Chunks


def early(number):
    return f"8=FIX.4.4\x019=1\x0135=0\x0134={number}\x0110=000\x01"


def test_chunks_follow_one_another_to_the_message_that_showed_the_gap():
    chunks = Chunks(10)
    assert chunks.first(5, early(30)) == 14
    assert chunks.taken(13) is None
    assert chunks.taken(14) == (15, 24)
    assert chunks.taken(24) == (25, 29)
    assert chunks.taken(28) is None
    assert chunks.open
    assert chunks.taken(29) is None
    assert not chunks.open


def test_a_gap_fill_past_several_chunks_skips_them():
    chunks = Chunks(10)
    chunks.first(5, early(100))
    assert chunks.taken(47) == (48, 57)
    assert chunks.taken(500) is None
    assert not chunks.open


def test_a_gap_smaller_than_a_chunk_is_one_request():
    chunks = Chunks(10)
    assert chunks.first(5, early(7)) == 6
    assert chunks.taken(6) is None
    assert not chunks.open


@pytest.mark.parametrize("trigger", ["", "8=FIX.4.4\x01", early(5), early("x")])
def test_what_does_not_show_where_the_gap_ends_asks_for_everything(trigger):
    chunks = Chunks(10)
    assert chunks.first(5, trigger) is None
    assert not chunks.open
    assert Chunks(None).first(5, early(9)) is None


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("MsgSeqNum too low, expecting 42 but received 1", "--next-sender 42", "--next-target 1"),
        ("MsgSeqNum(34) too low: expected 42, received 1", "--next-sender 42", "--next-target 1"),
        ("Sequence number too low. Expected=42", "--next-sender 42", ""),
        ("too low", "", ""),
        ("end of day", "", ""),
        ("", "", ""),
    ],
)
def test_a_number_that_is_too_low_names_the_command_that_mends_it(text, ours, theirs):
    for said, command in ((too_low.of_ours(text, "SIM"), ours), (too_low.of_theirs(text, "SIM"), theirs)):
        assert (command in said) if command else said == ""
