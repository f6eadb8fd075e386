"""The bytes of logs: files, standard input, growing files.

Compression (gzip, bzip2, xz) is told by the first bytes, not by the name. UTF-16 is told by its mark and read as UTF-8. Nothing
here knows FIX.
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
from pathlib import Path
from threading import Event
from typing import Final

from gateway.errors import NotFound, PreconditionFailed

BLOCK: Final = 1 << 16
"""Bytes read at once: what is made of them still fits the processor's cache, which is faster than fewer, larger ones."""
STDIN: Final = "-"
_LOOK_SECONDS: Final = 0.1

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
        is read from its beginning. Not for compressed files."""
        if self.name == STDIN:
            yield from self.blocks()
            return
        file = self._open()
        try:
            while not stop.is_set():
                block = file.read(BLOCK)
                if block:
                    self.size += len(block)
                    yield block
                    continue
                yield b""
                if stop.wait(_LOOK_SECONDS):
                    return
                if self._replaced(file):
                    file.close()
                    file = self._open()
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
        if magic.startswith(b"\x1f\x8b"):
            self.compression = "gzip"
            return gzip.GzipFile(fileobj=file, mode="rb").read1
        if magic.startswith(b"BZh"):
            self.compression = "bzip2"
            return bz2.BZ2File(file).read1
        if magic.startswith(b"\xfd7zXZ"):
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
            self.size += len(block)
            if total:
                progress(self.name, file.tell(), total)
            yield block

    def _decoded(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        first = next(blocks, b"")
        if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            yield decoder.decode(first).encode("utf-8", "replace")
            for block in blocks:
                yield decoder.decode(block).encode("utf-8", "replace")
            return
        if first:
            yield first
        yield from blocks


def sources(names: Sequence[str]) -> list[Source]:
    """A source for each name; a directory stands for the files in it, sorted. Raises `NotFound` for what is not there."""
    found: list[Source] = []
    for name in names:
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
