"""Snapshots under random streams: a state that came back from bytes is the same, decides the same, and goes on the same."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from streams import Amended, Streams

from gateway.core import snapshot
from gateway.core.digest import Digest
from gateway.core.indexes import Index
from gateway.core.state import State
from gateway.core.values import Side


def contents(state: State) -> dict[str, Any]:
    """Everything a state holds, in its order; containers that are empty within another count as not there."""
    found: dict[str, Any] = {"seq": state.seq, "at_ns": state.at_ns, "anomalies": dict(state.anomalies)}
    for domain in (state.market, state.execution, state.control):
        for name, value in vars(domain).items():
            if isinstance(value, dict):
                found[name] = [(key, _inner(one)) for key, one in value.items() if one or not isinstance(one, dict | list)]
            elif not isinstance(value, Digest | Index):  # the machine knows what the sums must be
                found[name] = value
    return found


def _inner(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


def there_and_back(state: State) -> State:
    messages = list(snapshot.frames(snapshot.image(state)))
    assert snapshot.full_digest(messages) == state.digest()
    return snapshot.restore(iter(messages), state.digest())


class Snapshots(Streams):
    """Now and then the core that decides, or the one that folds, goes on from a snapshot of itself.

    What the machine checks after every rule (replay equality, indexes, digests) and in the end (every decision made again
    from the first event) then holds for states that came back.
    """

    @rule(live=st.booleans())
    def restart(self, live: bool) -> None:
        self.catch_up()
        before = self.harness.state if live else self.shadow.state
        after = there_and_back(before)
        assert contents(after) == contents(before)
        assert after.digest() == before.digest()
        if live:
            self.harness.core, self.harness.state = self.harness.core.at(after), after
        else:
            self.shadow = self.shadow.at(after)

    @rule(live=st.booleans(), keep=st.integers(0, 3))
    def put_away(self, live: bool, keep: int) -> None:
        """One of the two keeps orders that are over in records, now and from now on; the machine finds no difference."""
        execution = (self.harness.state if live else self.shadow.state).execution
        execution.over.keep, execution.over.spare = keep, 0
        execution.put_away(100)

    @rule()
    def image_is_of_its_moment(self) -> None:
        """What happens after the copy was made does not reach it."""
        state = self.harness.state
        before, taken = contents(state), snapshot.image(state)
        self.time()
        self.order(side=Side.BUY, lots=1, ticks=0, flows=True)
        assert contents(snapshot.restore(snapshot.frames(taken))) == before


class AmendedSnapshots(Snapshots, Amended):
    """The same with busts and corrections."""


LIMITS = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=50)
TestSnapshots = Snapshots.TestCase
TestSnapshots.settings = LIMITS
TestAmendedSnapshots = AmendedSnapshots.TestCase
TestAmendedSnapshots.settings = LIMITS
