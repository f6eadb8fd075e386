"""Everything that can be known before the open and that the configuration's text alone does not tell. Changes nothing.

Each look is on its own, so that one finding does not hide another; each names the key it is about, what is wrong there and
what to do. What a running gateway holds (the journal, its ports) is looked at last, and not at all when one is to run on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from gateway.bootstrap.places import journal_at, needed_by, record_settings, tls_files
from gateway.clock import wall_ns
from gateway.config.directories import troubles
from gateway.config.load import LoadedConfiguration, load
from gateway.config.paths import resolve, sqlite_file
from gateway.core.values import NANOS
from gateway.errors import ConfigurationError, GatewayError, NotReachable, PreconditionFailed, Problem
from gateway.fix.dialect import load_dialect
from gateway.fix.strict import StrictDictionary
from gateway.records.store import RecordStore
from gateway.runtime.strategies import strategy_settings
from gateway.venue.gate import kill_file_problem
from gateway.venue.tls import check_tls

_FUTURE_NS = 5_000_000_000
"""How far the journal may be ahead of the clock: less than anybody would set it back by."""

_AS_OWNER = "run the command as the gateway's user"

Look = tuple[str, Callable[[], object], str]
"""Key, what to try, remedy when the error itself has none."""


def check(config_path: Path, *, running: bool = False) -> list[Problem]:
    """Findings in order of the configuration; `running`: leave out what a gateway that runs holds itself.

    Raises ConfigurationError when the configuration itself is not accepted.
    """
    loaded = load(config_path)
    problems = [trouble.problem(config_path) for trouble in troubles(needed_by(loaded))]
    unusable = {problem.key for problem in problems}
    for key, look, remedy in (*_looks(loaded), *(() if running else _held(loaded))):
        if key in unusable:
            continue
        try:
            look()
        except ConfigurationError as error:  # knows its lines
            problems += [replace(problem, file=str(config_path)) for problem in error.problems]
        except GatewayError as error:
            what, _, advice = str(error).rpartition("; ")
            said, mend = (what, advice) if what else (advice, remedy)
            problems.append(Problem(file=str(config_path), line=None, key=key, what=said, remedy=mend))
        except PermissionError as error:
            what = f"no permission to open {error.filename}"
            problems.append(Problem(file=str(config_path), line=None, key=key, what=what, remedy=_AS_OWNER))
    return list(dict.fromkeys(problems))


def _looks(loaded: LoadedConfiguration) -> Iterator[Look]:
    configuration = loaded.configuration
    yield "gateway.state_dir", lambda: _kill_file(loaded), "remove it, unless trading is to be stopped"
    yield "journal.url", lambda: _journal(loaded), "restore the journal from a copy"
    yield "records.url", lambda: _records(loaded), "make the database reachable, and `gateway db upgrade` it"
    for venue in configuration.venues:
        name = f"venues.{venue.name}"
        yield f"{name}.dialect", partial(_dictionary, venue.dialect), "see `gateway spec list`"
        files = tls_files(loaded, venue)
        if files is not None:
            yield f"{name}.tls", partial(check_tls, files), "correct the file"
    yield "gateway.strategy_path", lambda: _folder(loaded), "name the folder of your strategies' modules"
    yield "strategies", lambda: strategy_settings(loaded), "correct class or params"


def _held(loaded: LoadedConfiguration) -> Iterator[Look]:
    yield "journal.url", lambda: _not_held(loaded), "stop that gateway"
    yield "control.socket", lambda: _silent(loaded.control_socket), "stop that gateway"
    yield "telemetry.metrics_port", lambda: _free(loaded.configuration.telemetry.metrics_port), "choose another port, or 0"


def _dictionary(dialect: str) -> None:
    StrictDictionary(load_dialect(dialect))


def _folder(loaded: LoadedConfiguration) -> None:
    folder = resolve(loaded.configuration, loaded.base_dir).strategy_path
    if folder is not None and not folder.is_dir():
        raise PreconditionFailed(f"{folder} is not a folder; name the one your strategies' modules are in")


def _kill_file(loaded: LoadedConfiguration) -> None:
    """One that cannot be read stops trading everywhere; one that can is somebody's will."""
    problem = kill_file_problem(loaded.state_dir / "kill.json")
    if problem is not None:
        raise PreconditionFailed(problem)


def _journal(loaded: LoadedConfiguration) -> None:
    """It can be read to its end, and the clock is not behind it: its times never fall."""
    place = journal_at(loaded)
    if not place.exists():
        return
    with closing(place.reader()) as reader:
        head, _ = reader.head()
        last = reader.read(head - 1, 1) if head else ()
    ahead = last[0].recorded.at_ns - wall_ns() if last else 0
    if ahead > _FUTURE_NS:
        raise PreconditionFailed(f"the clock is {ahead // NANOS} s behind the journal's last event; set the clock")


def _records(loaded: LoadedConfiguration) -> None:
    """Reachable and of the right revision; a SQLite file that is missing or old is made or upgraded by `gateway run`."""
    settings = record_settings(loaded)
    with closing(RecordStore(settings.records_url, password=settings.records_password)) as store:
        file = sqlite_file(loaded.records_url)
        if file is None:
            store.require_current()
            return
        if file.exists():
            store.refuse_newer()


def _not_held(loaded: LoadedConfiguration) -> None:
    holder = journal_at(loaded).holder()
    if holder is not None:
        raise PreconditionFailed(f"{holder} holds the journal; stop it, or use --running beside it")


def _silent(path: Path) -> None:
    """Nobody answers where we are to answer, and nothing else is there. A socket that a dead process left is no obstacle."""
    if path.exists() and not path.is_socket():
        raise PreconditionFailed(f"{path} is not a socket; move it away, or name another one")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        with suppress(OSError):
            probe.connect(str(path))
            raise NotReachable(f"something answers on {path} already; stop it, or name another socket")


def _free(port: int) -> None:
    if not port:
        return
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PreconditionFailed(f"port {port} on 127.0.0.1: {error.strerror}; choose another, or 0 for any") from error
