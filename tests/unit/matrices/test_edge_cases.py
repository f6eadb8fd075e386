"""Edge cases of orders, each with the matrices and tests that hold the gateway to what is said of it.

A matrix is named by its id (`gateway/testing/matrices`, docs/matrices.md), a test by its file below `tests` and its name.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gateway.testing.matrices import MATRICES

TESTS = Path(__file__).parents[2]

EDGE_CASES: dict[int, tuple[str, str, str]] = {
    # number: (what, matrices, tests)
    1: (
        "fill before the acknowledgement, or before the order is known",
        "X.1.a X.1.b E.1.a",
        """unit/core/test_executions.py::test_fill_before_acknowledgement_is_the_acknowledgement
        unit/core/test_executions.py::test_external_order_is_visible_counted_and_cancellable
        wire/venue/test_reports.py::test_an_order_nobody_sent_becomes_visible_and_can_be_cancelled""",
    ),
    2: (
        "fill after a cancel was requested, and after it was confirmed",
        "B.1.b B.1.c J.1.b X.2.a",
        """unit/core/test_executions.py::test_fill_after_cancel_was_requested_leaves_the_cancel_in_flight
        unit/core/test_executions.py::test_fill_after_cancel_was_confirmed_counts_and_is_flagged""",
    ),
    3: (
        "replace races: fill under the old ClOrdID, new quantity at or below CumQty, reject that reports Filled",
        "C.1.b C.2.a C.3.b C.3.c X.3.a X.3.b X.3.c X.3.d X.3.e",
        """unit/core/test_replace.py::test_a_fill_under_the_old_name_counts_and_answers_nothing
        unit/core/test_replace.py::test_a_new_quantity_at_or_below_what_is_filled_ends_the_order
        unit/core/test_replace.py::test_a_reject_that_reports_filled_closes_nothing_but_asks
        wire/venue/test_races.py::test_a_late_refusal_of_a_replace_rejects_nothing""",
    ),
    4: (
        "chained replaces: OrigClOrdID is the last accepted one; placeholders",
        "D.1.a D.1.b D.1.c D.2.a D.2.b D.2.c D.2.d X.4.a X.4.b",
        """unit/core/test_replace.py::test_names_chain_on_the_last_accepted_one
        unit/core/test_executions.py::test_placeholder_ids_name_no_order
        unit/matrices/test_request_numbers.py::test_a_name_that_a_venue_gave_is_no_request_of_ours""",
    ),
    5: (
        "same ExecID with other content, other ExecID for the same trade, genuine over-fill",
        "X.5.a",
        """unit/core/test_executions.py::test_same_exec_id_other_content_keeps_the_first
        unit/core/test_executions.py::test_same_trade_under_another_exec_id_counts_once
        unit/core/test_executions.py::test_over_fill_counts_and_is_flagged""",
    ),
    6: (
        "a fill is seen only once it has been applied",
        "X.6.a",
        "unit/core/test_executions.py::test_poss_dup_of_a_fill_never_seen_counts",
    ),
    7: (
        "duplicates: PossDupFlag, PossResend, a session that replays its day",
        "F.1.b X.7.a",
        """unit/core/test_executions.py::test_poss_dup_resend_is_no_anomaly
        unit/core/test_contradictions.py::test_an_execution_told_again_on_another_day_counts_once
        unit/core/test_contradictions.py::test_what_is_told_again_before_the_numbers_agree_asks_nothing""",
    ),
    8: (
        "FIX 4.2 reports fills as ExecType 1 and 2, later versions as F; busts and corrections by ExecTransType or ExecType",
        "A.1.a J.1.a J.1.c D37 X.13.a",
        "unit/matrices/test_matrices.py::test_row",
    ),
    9: (
        "unsolicited cancels, restatements, done for day, expired, suspended, stopped, calculated",
        "A.1.b E.1.b E.1.c E.1.d H.1.a H.1.b K.1.a K.1.b L.1.a X.9.a X.9.b X.9.c",
        """unit/core/test_executions.py::test_unsolicited_cancel
        unit/core/test_replace.py::test_the_venue_changes_an_order_by_itself""",
    ),
    10: (
        "OrderCancelReject whose OrdStatus tells the truth, every CxlRejReason",
        "B.1.a B.1.c B.1.f X.10.a X.10.b",
        """unit/core/test_doubt.py::test_cancel_reject_that_contradicts_us_closes_nothing_and_asks
        unit/core/test_doubt.py::test_cancel_reject_that_agrees_asks_nothing""",
    ),
    11: (
        "Reject and BusinessMessageReject that refer to an order by RefSeqNum",
        "X.11.a",
        """wire/venue/test_reports.py::test_a_reject_by_number_ends_the_order_it_names
        wire/venue/test_reports.py::test_a_reject_by_number_finds_an_order_of_an_earlier_process""",
    ),
}


def names_in(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("number", EDGE_CASES)
def test_what_is_named_exists(number: int) -> None:
    _, matrices, tests = EDGE_CASES[number]
    assert set(matrices.split()) <= {matrix.id for matrix in MATRICES}
    for named in tests.split():
        file, _, name = named.partition("::")
        assert name in names_in(TESTS / file), named


def test_every_case_and_every_race_is_named() -> None:
    assert list(EDGE_CASES) == list(range(1, 12))
    named = {matrix for _, matrices, _ in EDGE_CASES.values() for matrix in matrices.split()}
    races = {matrix.id for matrix in MATRICES if matrix.id.startswith("X.") and int(matrix.id.split(".")[1]) in EDGE_CASES}
    assert races <= named
