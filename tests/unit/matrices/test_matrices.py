"""Every row of every order state change matrix, in every version of FIX that has it, through the real decoder and core.

The tables are in `gateway/testing/matrices`; docs/matrices.md is made from them.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from gateway.testing.matrices import MATRICES, VERSIONS, Matrix, Seen, play
from gateway.testing.matrices.page import TARGET, main, page

CASES = [
    pytest.param(matrix, index, id=f"{matrix.id}-{row.time}".replace(" ", "_"))
    for matrix in MATRICES
    for index, row in enumerate(matrix.rows)
]


@lru_cache
def played(matrix_id: str, version: str) -> list[Seen]:
    [matrix] = [one for one in MATRICES if one.id == matrix_id]
    return play(matrix, VERSIONS[version])


@pytest.mark.parametrize(("matrix", "index"), CASES)
def test_row(matrix: Matrix, index: int) -> None:
    row = matrix.rows[index]
    for version in matrix.versions:
        seen = played(matrix.id, version)[index]
        assert seen == row.expected, f"{version}: {matrix.id} {matrix.title}, {row.time}: {row.said['Message']}"


FIX42 = [f"D{number}" for number in range(1, 38)]
FIX44 = [
    *(
        "A.1.a",
        "A.1.b",
        "B.1.a",
        "B.1.b",
        "B.1.c",
        "B.1.d",
        "B.1.e",
        "B.1.f",
        "C.1.a",
        "C.1.b",
        "C.1.c",
        "C.2.a",
        "C.3.a",
        "C.3.b",
    ),
    *(
        "C.3.c",
        "D.1.a",
        "D.1.b",
        "D.1.c",
        "D.2.a",
        "D.2.b",
        "D.2.c",
        "D.2.d",
        "E.1.a",
        "E.1.b",
        "E.1.c",
        "E.1.d",
        "F.1.a",
        "F.1.b",
    ),
    *(
        "F.1.c",
        "G.1.a",
        "G.1.b",
        "G.1.c",
        "H.1.a",
        "H.1.b",
        "H.1.c",
        "H.1.d",
        "I.1.a",
        "I.1.b",
        "J.1.a",
        "J.1.b",
        "J.1.c",
        "J.1.d",
    ),
    *("K.1.a", "K.1.b", "L.1.a"),
]


@pytest.mark.parametrize(("version", "numbers"), [("fix42", FIX42), ("fix44", FIX44), ("fix50", FIX44)])
def test_every_matrix_of_the_appendix_is_there(version: str, numbers: list[str]) -> None:
    assert {matrix.numbers[version] for matrix in MATRICES if version in matrix.numbers} - {""} == set(numbers)


def test_a_matrix_that_is_wrong_is_found() -> None:
    """The tables can fail: the rows of one matrix are not what another one leads to."""
    first, second = (next(m for m in MATRICES if m.id == name) for name in ("A.1.a", "A.1.b"))
    assert [row.expected for row in first.rows] != play(second, "generic-fix44")


def test_the_committed_page_is_what_the_tables_say(tmp_path, monkeypatch) -> None:
    assert TARGET.read_text("utf-8") == page(), "run scripts/pages and commit what it writes"
    monkeypatch.setattr("gateway.testing.matrices.page.TARGET", tmp_path / "matrices.md")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
