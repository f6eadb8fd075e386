"""What logs say of orders, batch by batch: read here, or by a process of its own that is ahead while the core takes it in.

The other process is given names of files and options, and writes what this one would have read: the same code either way.
`python -m gateway.replay.ahead` is that process.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway import interpreter
from gateway.errors import GatewayError, InternalError
from gateway.fixlogs.reader import in_order, logs, merged
from gateway.fixlogs.sources import STDIN, sources
from gateway.replay.reading import Reading, Span, Told, Totals

WORTH = 16_000_000
"""Bytes of logs from which on another process saves more time than it takes to start."""
_MODULE = "gateway.replay.ahead"
_BATCH = 512
_PIPE = 1 << 20
_SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ of Linux."""
_LENGTH = 4


class Wanted(msgspec.Struct, frozen=True):
    """What is to be read, and how; see `Reading`."""

    files: tuple[str, ...]
    side: str | None = None
    dialect: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What some messages said. `progress`: of which file so many bytes are read, out of how many."""

    told: list[Told]
    totals: Totals | None = None
    """With the last batch: everything that was read."""
    logs: tuple[tuple[str, int, str], ...] = ()
    """With the last batch: the name of each log, the bytes read of it, and what was wrong with it or ""."""
    progress: tuple[str, int, int] | None = None
    failed: bytes | None = None
    """Instead of all that: the error that ended it, pickled."""


def batches(wanted: Wanted) -> Iterator[Batch]:
    """Read here or elsewhere, whichever is faster. Raises what reading raises."""
    with _seldom_collected():
        yield from elsewhere(wanted) if _worth_it(wanted.files) else here(wanted)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """What a log comes to is kept, and nothing that is made of it refers to itself: looking for that is a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _worth_it(files: Sequence[str]) -> bool:
    found = [source.name for source in sources(files)]
    if STDIN in found or len(os.sched_getaffinity(0)) < 2:
        return False
    return sum(Path(name).stat().st_size for name in found) >= WORTH


def here(wanted: Wanted) -> Iterator[Batch]:
    """Read here."""
    found = in_order(logs(sources(wanted.files)))
    reading = Reading(side=wanted.side, dialect=wanted.dialect, span=Span(wanted.start_ns, wanted.end_ns))
    told: list[Told] = []
    progress: list[tuple[str, int, int]] = []

    def advance(name: str, done: int, total: int) -> None:
        progress[:] = [(name, done, total)]

    for message in merged(found, advance):
        reading.read(message, told)
        if len(told) >= _BATCH:
            yield Batch(told, progress=progress[0] if progress else None)
            told = []
    yield Batch(told, reading.totals, tuple((one.name, one.source.size, one.source.problem) for one in found))


def elsewhere(wanted: Wanted) -> Iterator[Batch]:
    """Have it read by another process. It ends when nobody takes what it reads."""
    decode = msgspec.msgpack.Decoder(Batch).decode
    command, environment = interpreter.command(_MODULE, msgspec.json.encode(wanted).decode()), interpreter.environment()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            while head := process.stdout.read(_LENGTH):
                batch = decode(process.stdout.read(int.from_bytes(head, "big")))
                if batch.failed is not None:
                    raise pickle.loads(batch.failed)
                yield batch
                if batch.totals is not None:
                    return
        finally:
            process.stdout.close()
            process.kill()
    raise InternalError(f"the process that reads the logs ended with exit code {process.returncode}; start again")


def main() -> None:
    """Write batches to standard output, each behind its length."""
    wanted = msgspec.json.decode(sys.argv[1], type=Wanted)
    out = sys.stdout.buffer
    _widen(out)
    encode = msgspec.msgpack.Encoder().encode
    try:
        with _seldom_collected():
            for batch in here(wanted):
                _write(out, encode(batch))
    except GatewayError as error:
        _write(out, encode(Batch([], failed=pickle.dumps(error))))
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # nobody listens any more


def _write(out: BinaryIO, body: bytes) -> None:
    out.write(len(body).to_bytes(_LENGTH, "big"))
    out.write(body)
    out.flush()


def _widen(out: BinaryIO) -> None:
    """Have the pipe hold more, where that can be had: neither side waits for the other then."""
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(out.fileno(), _SET_PIPE_SIZE, _PIPE)
        except OSError:
            return


if __name__ == "__main__":
    main()
