"""A ClOrdID says which request about its order it is only where it is one of ours."""

from __future__ import annotations

import pytest

from gateway.core.orders import request_number


@pytest.mark.parametrize(("name", "number"), [("T-1-7-1", 1), ("1-7-12", 12), ("A-B-1-7-3", 3)])
def test_a_name_of_ours_counts_its_requests(name: str, number: int) -> None:
    assert request_number(name, "1-7") == number


@pytest.mark.parametrize(
    "name", ["V-9", "T-1-8-9", "1-7", "9", "", "T-1-7-", "T-1-7-x", "T-11-7-3", "T-1-7-1234567890", "T-1-7-²"]
)
def test_a_name_that_a_venue_gave_is_no_request_of_ours(name: str) -> None:
    assert request_number(name, "1-7") == 0
