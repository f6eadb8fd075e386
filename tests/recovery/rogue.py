"""A venue that misbehaves on the wire: silent, senseless, or faster than anybody can read. Raw sockets, no engine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from random import Random

_CHUNK = 400


class Rogue:
    """Listens on a port of its own. `manner`: `silent` accepts and says nothing, `garbage` sends noise without end, `deaf`
    logs on and reads no more, `flood` logs on and sends market data without end once it is asked for any."""

    def __init__(self, manner: str, sender: str = "ALT", target: str = "DESK") -> None:
        self._manner = manner
        self._names = f"49={sender}\x0156={target}\x01"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.sent = 0
        """Messages, or chunks of noise."""
        self._number = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Rogue:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(100)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(0.2)
            with connection, contextlib.suppress(OSError):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if self._manner == "garbage":
            noise = Random(1)
            while not self._closing.is_set():
                connection.sendall(noise.randbytes(997))
                self.sent += 1
        elif self._manner == "silent":
            while not self._closing.is_set() and self._read(connection) is not None:
                pass
        else:
            self._speak(connection)

    def _speak(self, connection: socket.socket) -> None:
        flooding = False
        while not self._closing.is_set():
            text = self._read(connection)
            if text is None:
                return
            for message in text.split("\x0110=")[:-1]:
                fields = dict(field.partition("=")[::2] for field in message.split("\x01"))
                kind = fields.get("35")
                if kind == "A":
                    connection.sendall(self._message("A", f"98=0\x01108={fields['108']}\x01"))
                    if self._manner == "deaf":
                        self._closing.wait()
                elif kind == "1":
                    connection.sendall(self._message("0", f"112={fields['112']}\x01"))
                elif kind == "V":
                    flooding = True
                    request = fields["262"]
            while flooding and not self._closing.is_set():
                connection.settimeout(5)
                connection.sendall(b"".join(self._trade(request) for _ in range(_CHUNK)))
                self.sent += _CHUNK

    def _read(self, connection: socket.socket) -> str | None:
        """What has come, "" for nothing yet, None at the end."""
        try:
            return connection.recv(65536).decode("latin-1") or None
        except TimeoutError:
            return ""

    def _trade(self, request: str) -> bytes:
        return self._message("X", f"262={request}\x01268=1\x01279=0\x01269=2\x0155=USD/JPY\x01270=110\x01271=1\x01")

    def _message(self, kind: str, fields: str) -> bytes:
        self._number += 1
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        body = f"35={kind}\x01{self._names}34={self._number}\x0152={now}\x01{fields}"
        text = f"8=FIX.4.4\x019={len(body)}\x01{body}"
        return f"{text}10={sum(text.encode()) % 256:03d}\x01".encode()
