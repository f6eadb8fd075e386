"""From a configuration to a journal that is ours and a core at its end: by itself, or after waiting as a standby.

A standby folds what the active gateway commits, all the time, and looks whether the lease is free. When it is, it takes the
next epoch of the lease (the end of everything its predecessor may write), folds what is left, and is a gateway like any
other: the same start, with less to fold.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from gateway.bootstrap.front import STANDBY, STARTING, Front
from gateway.bootstrap.places import journal_at
from gateway.config.load import LoadedConfiguration
from gateway.core.core import Core
from gateway.errors import JournalError, PreconditionFailed
from gateway.journal import snapshots
from gateway.journal.interface import GENESIS, JournalReader, JournalWriter
from gateway.journal.stores import JournalAt
from gateway.runtime.keeper import Keeper

if TYPE_CHECKING:
    from gateway.journal.claim import Claim

_log = logging.getLogger(__name__)
_CHUNK = 1_000
_LOOK_SECONDS = 0.1
ANSWER_SECONDS = 5.0
"""A standby that follows takes another connection after that, as one that looks for the lease does: what lies between may take
a question and never bring the answer."""


class Stopped(Exception):
    """Somebody asked for the end before the run began."""


class Recovered:
    """A journal that is ours, and the core at its end. `keeper` goes on with both."""

    def __init__(self, journal: JournalWriter, place: JournalAt, every: int) -> None:
        self.journal = journal
        self.place = place
        self.keeper = Keeper(journal, place.snapshots(), every)

    def fold(self, core: Core, front: Front) -> Core:
        """Bring the core to the journal's end. Raises Stopped."""

        def progress(seq: int, head: int) -> None:
            front.tell("folding the journal", seq, head)
            if front.stop_asked.is_set():
                raise Stopped

        return self.keeper.recover(core, progress)


def recover(loaded: LoadedConfiguration, front: Front, new_core: Callable[[], Core]) -> tuple[Recovered, Core]:
    """Begin to answer, get the journal, fold it. Raises Stopped, and PreconditionFailed for what an operator must mend."""
    configuration = loaded.configuration
    place = journal_at(loaded)
    core = None
    if configuration.standby.enabled:
        front.start()
        journal, core = _wait(place, front, new_core, configuration.standby.silent_seconds)
    else:
        journal = place.open()
    try:
        front.start()
        recovered = Recovered(journal, place, configuration.journal.snapshot_events)
        return recovered, recovered.fold(core or new_core(), front)
    except BaseException:
        journal.close()
        raise


def _wait(
    place: JournalAt, front: Front, new_core: Callable[[], Core], silent_seconds: float
) -> tuple[JournalWriter, Core | None]:
    """Follow until the journal is ours. The core is None when what it had followed is not what the journal holds."""
    follower = Follower(place, new_core)
    said = ""
    with closing(place.claim(silent_seconds)) as claim, closing(follower):
        while not front.stop_asked.is_set():
            trouble, behind = "", 0
            try:
                behind = follower.follow()
                free = claim.free()
                front.tell(_doing(claim), follower.seq, follower.seq + behind, role=STANDBY)
                if free:
                    front.tell("taking over", follower.seq)
                    journal = place.open()
                    _log.warning("standby takes over after event %d", follower.seq)
                    try:
                        core = follower.core_in(journal)
                    except BaseException:
                        journal.close()  # or we would follow ourselves
                        raise
                    front.tell("folding the journal", role=STARTING)
                    return journal, core
            except (JournalError, PreconditionFailed) as error:
                trouble = str(error)
                front.tell(_doing(claim), follower.seq, role=STANDBY, trouble=trouble)
            if trouble and trouble != said:
                _log.warning("standby: %s", trouble)
            said = trouble
            if trouble or not behind:
                front.stop_asked.wait(_LOOK_SECONDS)
    raise Stopped


def _doing(claim: Claim) -> str:
    return f"following {claim.holder}" if claim.holder else "waiting for the journal"


class Follower:
    """A core that follows a journal somebody else writes; on one thread."""

    def __init__(self, place: JournalAt, new_core: Callable[[], Core]) -> None:
        self._place = place
        self._new_core = new_core
        self._reader: JournalReader | None = None
        self._core: Core | None = None
        self._hash = GENESIS

    @property
    def seq(self) -> int:
        """Position up to which the core has followed."""
        return 0 if self._core is None else self._core.state.seq

    def follow(self) -> int:
        """Fold what is new, up to a thousand events; returns how many more there are. Raises JournalError."""
        if self._reader is None:
            if not self._place.exists():
                return 0
            self._reader = self._place.reader(ANSWER_SECONDS)
        core = self._core or self._begin(self._reader)
        found = self._reader.read(core.state.seq, _CHUNK)
        if found:
            core.fold(stored.recorded for stored in found)
            self._hash = found[-1].hash
        elif self._reader.hash_at(core.state.seq) != self._hash:
            _log.warning("the journal has another event %d than the one followed: beginning anew", core.state.seq)
            self._core = None
            return 0
        return max(self._reader.head()[0] - core.state.seq, 0) if len(found) == _CHUNK else 0

    def _begin(self, reader: JournalReader) -> Core:
        gc.disable()  # nothing that is made here is garbage
        try:
            state = snapshots.newest(self._place.snapshots(), reader, quick=True)
        finally:
            gc.enable()
        gc.freeze()
        self._core = self._new_core() if state is None else self._new_core().at(state)
        self._hash = reader.hash_at(self.seq) or GENESIS
        return self._core

    def core_in(self, journal: JournalReader) -> Core | None:
        """The core, if its last event is the journal's; a server that died may have forgotten events it had shown us."""
        if self._core is None or journal.hash_at(self.seq) != self._hash:
            return None
        return self._core

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
