"""The digest: equal contents give equal digests, whatever the history, process or hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from gateway.core.digest import Digest, NoDigest, Table
from gateway.core.state import State
from gateway.testing.harness import Harness

PLAY = """
from gateway.testing.harness import Harness
harness = Harness().open()
for number in range(20):
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.fill(order_id, "1000")
harness.kill()
harness.disconnect()
print(harness.state.digest())
"""


def test_order_of_entries_and_detours_leave_no_trace() -> None:
    one, other = Digest(), Digest()
    first: Table[str, int] = Table("t", one)
    second: Table[str, int] = Table("t", other)
    first["a"], first["b"] = 1, 2
    one.hex()
    second["b"], second["a"], second["c"] = 2, 7, 3
    other.hex()
    second["a"] = 1
    del second["c"]
    second.discard("never there")
    assert one.hex() == other.hex()


def test_key_value_and_table_all_count() -> None:
    digests = set()
    for name, key, value in (("t", "a", 1), ("u", "a", 1), ("t", "b", 1), ("t", "a", 2)):
        digest = Digest()
        table: Table[str, int] = Table(name, digest)
        table[key] = value
        digests.add(digest.hex())
    assert len(digests) == 4
    assert Digest().hex() == "0" * 32


@pytest.mark.parametrize("method", ["pop", "popitem", "clear", "update", "setdefault"])
def test_a_table_changes_in_sight_of_the_digest_only(method: str) -> None:
    table: Any = Table("t", Digest())
    table["a"] = 1
    with pytest.raises(TypeError, match="assignment and deletion only"):
        getattr(table, method)("a")
    assert table == {"a": 1}


def test_a_state_without_digest_says_so() -> None:
    with pytest.raises(TypeError, match="keeps no digest"):
        State(with_digest=False).digest()
    table: Table[str, int] = Table("t", NoDigest())
    table["a"] = 1
    del table["a"]


def test_every_change_of_an_order_shows() -> None:
    harness = Harness().open()
    seen = {harness.state.digest()}
    order_id = harness.request_order()
    seen.add(harness.state.digest())
    for quantity in ("1000", "2000"):
        harness.fill(order_id, quantity)
        seen.add(harness.state.digest())
    assert len(seen) == 4


def test_stable_over_processes_and_hash_seeds() -> None:
    digests = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", PLAY], env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    (only,) = digests
    assert len(only.strip()) == 32


def test_adopted_entries_are_in_the_sum_from_the_beginning() -> None:
    plain, adopting = Digest(), Digest()
    table: Table[str, int] = Table("t", plain)
    other: Table[str, int] = Table("t", adopting)
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        table[name] = value
    other.adopt(list(table.items()))
    adopting.begin(plain.hex())
    assert adopting.hex() == plain.hex()
    for change in (lambda t: t.__setitem__("a", 7), lambda t: t.__delitem__("b"), lambda t: t.__setitem__("d", 4)):
        for one in (table, other):
            change(one)
        assert adopting.hex() == plain.hex()
    for one in (table, other):  # changed twice between two looks, and back again
        one["c"], one["b"] = 9, 5
        del one["c"]
        one["c"] = 3
        del one["a"]
    assert adopting.hex() == plain.hex()
