"""The bytes of logs: files, standard input, growing files.

Compression (gzip, bzip2, xz) is told by the first bytes, not by the name. UTF-16 is told by its mark, or by every second byte
being zero, and read as UTF-8. Nothing here knows FIX.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from glob import glob
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Final

from gateway.errors import NotFound, PreconditionFailed

BLOCK: Final = 1 << 16
"""Bytes read at once: what is made of them still fits the processor's cache, which is faster than fewer, larger ones."""
STDIN: Final = "-"
_LOOK_SECONDS: Final = 0.1
_SAMPLE: Final = 4096
_FEWEST: Final = 16
"""Characters, from which on a text can be told to be UTF-16 without a mark."""
_ARCHIVES: Final = {
    b"PK\x03\x04": "a zip archive, not read; unpack it: unzip -p FILE | gateway log ... -",
    b"\x28\xb5\x2f\xfd": "compressed with zstd, not read; unpack it: zstd -dc FILE | gateway log ... -",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, not read; unpack it: 7z x -so FILE | gateway log ... -",
}
"""What is not read here, by its first bytes, and what to do."""

_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")

Progress = Callable[[str, int, int], None]
"""What is being read, how many bytes of it are done, out of how many (0: nobody knows)."""


def nothing(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


class Source:
    """One file, or standard input as `-`. `problem` says what went wrong while it was read, if something did."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problem = ""
        self.compression = ""
        self.size = 0
        """Bytes read, after decompression."""

    def blocks(self, progress: Progress = nothing) -> Iterator[bytes]:
        """Its content. A damaged compressed file ends where the damage begins. Raises `PreconditionFailed` if unreadable."""
        try:
            with self._open() as file:
                total = 0 if self.name == STDIN else os.fstat(file.fileno()).st_size
                yield from self._decoded(self._read(file, progress, total))
        except OSError as error:
            raise PreconditionFailed(f"{self.name}: {error.strerror or error}; a FIX log must be readable") from error

    def growing(self, stop: Event) -> Iterator[bytes]:
        """Its content and what is appended, until `stop`; b"" when there is nothing new. A file that was replaced or cut
        is read from its beginning. Raises `PreconditionFailed` for what is unreadable or compressed."""
        if self.name == STDIN:
            yield from self.blocks()
            return
        file = self._open()
        decoder: codecs.IncrementalDecoder | None = None
        replaced = False
        try:
            while not stop.is_set():
                begins = file.tell() == 0
                block = file.read(BLOCK)
                if block:
                    if begins:
                        if block.startswith((*_COMPRESSED, *_ARCHIVES)):
                            raise PreconditionFailed(f"{self.name}: a compressed file does not grow; read it without --follow")
                        decoder = _decoder(block)
                    self.size += len(block)
                    yield block if decoder is None else decoder.decode(block).encode("utf-8", "replace")
                    continue
                if replaced:  # and all that was written to it before has been read
                    file.close()
                    file, replaced = self._open(), False
                    continue
                yield b""
                if stop.wait(_LOOK_SECONDS):
                    return
                replaced = self._replaced(file)
        finally:
            file.close()

    def _open(self) -> io.BufferedReader:
        if self.name == STDIN:
            return open(sys.stdin.fileno(), "rb", closefd=False)
        try:
            return open(self.name, "rb")
        except FileNotFoundError:
            raise NotFound(f"no file {self.name}; check the path") from None
        except OSError as error:
            raise PreconditionFailed(f"{self.name}: {error.strerror}; a FIX log must be readable") from error

    def _replaced(self, file: io.BufferedReader) -> bool:
        try:
            now, ours = os.stat(self.name), os.fstat(file.fileno())
        except FileNotFoundError:
            return False
        return now.st_ino != ours.st_ino or now.st_size < file.tell()

    def _plain(self, file: io.BufferedReader) -> Callable[[int], bytes]:
        """What reads so many bytes of the content at most."""
        magic = file.peek(6)[:6]
        if magic.startswith(_COMPRESSED[0]):
            self.compression = "gzip"
            return gzip.GzipFile(fileobj=file, mode="rb").read1
        if magic.startswith(_COMPRESSED[1]):
            self.compression = "bzip2"
            return bz2.BZ2File(file).read1
        if magic.startswith(_COMPRESSED[2]):
            self.compression = "xz"
            return lzma.LZMAFile(file).read1
        return file.read1

    def _read(self, file: io.BufferedReader, progress: Progress, total: int) -> Iterator[bytes]:
        read = self._plain(file)
        while True:
            try:
                block = read(BLOCK)
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
                self.problem = f"damaged after {self.size} bytes: {error}"
                return
            except OSError as error:
                if not self.compression:
                    raise
                self.problem = f"damaged after {self.size} bytes: {error}"
                return
            if not block:
                return
            if not self.size and (what := _ARCHIVES.get(block[:4]) or _ARCHIVES.get(block[:6])) is not None:
                self.problem = what
                return
            self.size += len(block)
            if total:
                progress(self.name, file.tell(), total)
            yield block

    def _decoded(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        first = next(blocks, b"")
        decoder = _decoder(first)
        if decoder is not None:
            yield decoder.decode(first).encode("utf-8", "replace")
            for block in blocks:
                yield decoder.decode(block).encode("utf-8", "replace")
            return
        if first:
            yield first
        yield from blocks


def _decoder(begin: bytes) -> codecs.IncrementalDecoder | None:
    """For what begins with these bytes, if it is UTF-16."""
    if begin[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return codecs.getincrementaldecoder("utf-16")("replace")
    half = len(begin[:_SAMPLE]) // 2
    few = half // 10
    high, low = (begin[at:_SAMPLE:2].count(0) for at in (0, 1))
    if half < _FEWEST or min(high, low) > few or max(high, low) < half - few:
        return None
    return codecs.getincrementaldecoder("utf-16-le" if low > high else "utf-16-be")("replace")


def sources(names: Sequence[str]) -> list[Source]:
    """A source for each name; a directory, or a pattern (`messages*.log`), stands for its files, sorted.

    Raises `NotFound` for what is not there.
    """
    found: list[Source] = []
    for name in chain.from_iterable(map(_meant, names)):
        if not name:
            raise NotFound("an empty name is no file; name the log (a directory as `.`)")
        path = Path(name)
        if name == STDIN or not path.is_dir():
            if name != STDIN and not path.exists():
                raise NotFound(f"no file {name}; check the path")
            found.append(Source(name))
            continue
        files = sorted(str(file) for file in path.iterdir() if file.is_file())
        if not files:
            raise NotFound(f"no files in {name}; name the logs themselves")
        found += map(Source, files)
    return found


def _meant(name: str) -> list[str]:
    """The name itself, or what a pattern stands for that no shell has seen (in quotes, behind an option)."""
    if name == STDIN or not any(mark in name for mark in "*?[") or Path(name).exists():
        return [name]
    return sorted(glob(name)) or [name]
