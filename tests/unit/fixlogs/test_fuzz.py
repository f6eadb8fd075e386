"""The short version of scripts/fuzz-logs."""

from __future__ import annotations

from fuzz import fuzz


def test_no_mutated_log_breaks_the_reader() -> None:
    assert fuzz(inputs=400, seed=7) > 2000
