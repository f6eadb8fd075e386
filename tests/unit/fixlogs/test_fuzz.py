"""The short version of scripts/fuzz-logs."""

from __future__ import annotations

import pytest
from fuzz import framed, fuzz


def test_no_mutated_log_breaks_the_reader() -> None:
    assert fuzz(inputs=400, seed=7) > 2000


@pytest.mark.parametrize(
    "log",
    [
        b"8=FIX.4.4^A\x011=\n8=FIX.4.4^A9=",  # what the separator would make a message, before it was known
        b"|10=\n8=FIX.4.4|9=62|35=A|34=1|49=SIM|52=20240102-10:00:01.000|56=DESK|98=0|108=30|10=235\x018=FIX.4.4|9=",
        b"8=FIX.4.4|9=62|35=A|34=1|49=SIM|52=20240102-10:00:01.000|56=DESK|98=0|108=30|10=\n235|10=1\r\n",
        b"8=FIX.4.4|9=62|35=A|34=1|49=SIM|52=20240102-10:00:01.000|56=DESK|98=0|108=30|10=\n235|10=1|\r\n",
    ],
)
def test_where_a_block_ends_makes_no_difference(log: bytes) -> None:
    """What 100,000 inputs found."""
    whole = [(message, odd) for _, message, odd in framed(iter([log]))]
    for size in range(1, len(log)):
        parts = framed(log[at : at + size] for at in range(0, len(log), size))
        assert [(message, odd) for _, message, odd in parts] == whole, size
