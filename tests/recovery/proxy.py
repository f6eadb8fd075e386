"""A network between a gateway and a venue, or its database, that fails in every way. Raw TCP; knows of FIX only where a message
ends, and with `messages=False` not even that.

What is set here holds until `calm`: a delay, small pieces, little bandwidth. What is done happens once, to the connections
there are: cut (FIN on both sides), reset (RST), half-open (both sides are kept, and hear nothing more of each other).
`partition` is the cable that is pulled: nothing passes, no end of a connection either, until `calm` plugs it in again; then
what was said meanwhile arrives, as TCP would send it again. `repeat` sends the next messages twice, byte by byte the same: the
same MsgSeqNum(34), no PossDupFlag(43).
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random

IN, OUT = "in", "out"
"""To the gateway, to the venue."""
_END = re.compile(rb"\x0110=[0-9]{3}\x01")
_RST = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own and passes everything on to `upstream`, a port or a socket's path on this machine."""

    def __init__(self, upstream: int | str, seed: int = 1, *, messages: bool = True) -> None:
        self._upstream = upstream
        self.messages = messages
        self.passing = threading.Event()
        """Not set: nothing gets through."""
        self._random = Random(seed)
        self._connections: list[_Connection] = []
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()
        """How often which fault was made; pieces, repeated messages and so on one by one."""
        self.calm()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    # --------------------------------------------------------------------------------------------------- what can be set

    def calm(self) -> None:
        """From now on everything is passed on as it comes."""
        self.delay_seconds = 0.0
        """Everything comes so much later, at most twice that; order is kept."""
        self.largest_piece = 0
        """Bytes; messages are cut anywhere into pieces up to this size. 0: as they come."""
        self.bytes_per_second = 0
        """0: without limit."""
        self.repeats = {IN: 0, OUT: 0}
        """How many of the next messages are sent twice."""
        self.refusing = False
        """New connections are reset."""
        self.passing.set()

    def partition(self) -> None:
        """On return nothing that either side says from now on reaches the other."""
        self.done["partition"] += 1
        self.passing.clear()

    def repeat(self, count: int, direction: str = IN) -> None:
        self.repeats[direction] = count

    # -------------------------------------------------------------------------------------------------- what can be done

    def cut(self) -> None:
        """Both sides see an orderly end, wherever in a message they are."""
        self._each("cut", _Connection.close)

    def reset(self) -> None:
        """Both sides see a connection reset, and lose what was on its way."""
        self._each("reset", _Connection.reset)

    def half_open(self) -> None:
        """Both sides keep their connection and hear nothing more; what they say is lost."""
        self._each("half_open", _Connection.silence)

    def half_deaf(self) -> None:
        """As `half_open`, but only towards the gateway: the venue still hears it."""
        self._each("half_deaf", lambda connection: connection.silence(IN))

    @property
    def connected(self) -> int:
        with self._lock:
            return sum(not connection.closed for connection in self._connections)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(100)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close()
        for connection in connections:
            connection.join()

    def _each(self, name: str, act: Callable[[_Connection], None]) -> None:
        with self._lock:
            for connection in self._connections:
                if not connection.closed:
                    self.done[name] += 1
                    act(connection)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                far = None
            if far is None or self.refusing:
                self.done["refused"] += 1
                _abort(near)
                if far is not None:
                    _abort(far)
                continue
            with self._lock:
                self._connections = [one for one in self._connections if not one.closed]
                self._connections.append(_Connection(self, near, far, Random(self._random.random())))

    def _connect(self) -> socket.socket:
        if isinstance(self._upstream, int):
            return socket.create_connection(("127.0.0.1", self._upstream), timeout=100)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._upstream)
        return far


class _Connection:
    """Two sockets and a thread for each direction."""

    def __init__(self, proxy: Proxy, near: socket.socket, far: socket.socket, random: Random) -> None:
        self._proxy = proxy
        self._ends = {IN: near, OUT: far}
        """Where each direction leads to."""
        self._random = random
        self._silent = {IN: False, OUT: False}
        self.closed = False
        for end in self._ends.values():
            end.settimeout(None)
            if end.family != socket.AF_UNIX:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pumping = 2
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(to,), name="proxy-connection", daemon=True) for to in (IN, OUT)
        ]
        for thread in self._threads:
            thread.start()

    def silence(self, *directions: str) -> None:
        for direction in directions or (IN, OUT):
            self._silent[direction] = True

    def close(self) -> None:
        self.closed = True
        for end in self._ends.values():
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        self.closed = True
        for end in self._ends.values():
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads; its close sends the reset

    def join(self) -> None:
        for thread in self._threads:
            thread.join(100)

    def _run(self, to: str) -> None:
        with contextlib.suppress(OSError):
            self._pump(to)
        with self._lock:
            self._pumping -= 1
            if not self._pumping:  # not before: the other thread may be writing to what would be somebody else's by then
                for end in self._ends.values():
                    end.close()

    def _pump(self, to: str) -> None:
        source, target = self._ends[OUT if to == IN else IN], self._ends[to]
        held = b""
        try:
            while not self.closed and (chunk := source.recv(65536)):
                if self._proxy.delay_seconds:
                    self._proxy.done["delayed"] += 1
                    time.sleep(self._proxy.delay_seconds)  # the fault itself
                self._wait()
                held = b"" if self._silent[to] else self._pass(to, target, held + chunk)
        finally:
            self._wait()
            if not self.closed and not any(self._silent.values()):
                self.close()  # an end of one side is passed on; of that of a half-open connection nobody hears

    def _wait(self) -> None:
        """While the cable is out."""
        while not self.closed and not self._proxy.passing.wait(0.1):
            pass

    def _pass(self, to: str, target: socket.socket, data: bytes) -> bytes:
        """Send what is whole; what is not yet waits for the rest, unless pieces are wanted."""
        if not self._proxy.messages:
            self._send(to, target, data)
            return b""
        end = 0
        for found in _END.finditer(data):
            message, end = data[end : found.end()], found.end()
            self._send(to, target, message)
            if self._proxy.repeats[to] > 0:
                self._proxy.repeats[to] -= 1
                self._proxy.done["repeated"] += 1
                self._send(to, target, message)
        return data[end:]

    def _send(self, to: str, target: socket.socket, message: bytes) -> None:
        proxy = self._proxy
        while message and not self.closed and not self._silent[to]:
            piece = message
            if proxy.largest_piece:
                piece = message[: self._random.randint(1, proxy.largest_piece)]
                proxy.done["pieces"] += 1
            if proxy.bytes_per_second:
                proxy.done["throttled"] += 1
                time.sleep(len(piece) / proxy.bytes_per_second)  # the fault itself
            target.sendall(piece)
            message = message[len(piece) :]


def _abort(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    end.close()
