"""Encryption: refused where the engine has none; where it has, only a venue that the authority vouches for is talked to."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from gateway_process import wait_for

from gateway.venue.tls import engine_has_tls

TLS = pytest.mark.skipif(
    not engine_has_tls() or shutil.which("openssl") is None,
    reason="needs an engine built with TLS, and openssl to make certificates",
)


def authority(directory: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate and its key, both PEM."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    command = ["openssl", "req", "-x509", *subject, "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


class Terminator:
    """Takes TLS connections and passes what is in them on in the clear."""

    def __init__(self, port: int, certificate: Path, key: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._to = port
        self.refused = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(100)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            try:
                inside = self._context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError):
                self.refused += 1
                raw.close()
                continue
            outside = socket.create_connection(("127.0.0.1", self._to))
            for source, target in ((inside, outside), (outside, inside)):
                self._threads.append(threading.Thread(target=self._pass_on, args=(source, target), daemon=True))
                self._threads[-1].start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        source.close()


@pytest.mark.skipif(engine_has_tls(), reason="this engine has TLS")
def test_an_engine_without_tls_says_so_and_connects_nowhere(make, venue, tmp_path):
    (tmp_path / "ca.pem").write_text("")
    gateway = make(venue_extra=f'tls = true\ntls_ca_file = "{tmp_path / "ca.pem"}"').start()
    assert gateway.ended() == 6
    assert "venue SIM: tls: this engine was built without TLS" in gateway.err.read_text()
    assert venue.connections == 0


@TLS
def test_a_session_is_encrypted_and_trades(make, venue, tmp_path):
    certificate, key = authority(tmp_path, "venue")
    terminator = Terminator(venue.port, certificate, key)
    gateway = make(port=terminator.port, venue_extra=f'tls = true\ntls_ca_file = "{certificate}"').start().ready()
    order_id = gateway.order()["order_id"]
    venue.fill(venue.wait("D"), "1000", "110", "1000")
    gateway.wait_state(order_id, "Filled")
    assert gateway.terminate() == 0
    terminator.close()


@TLS
def test_a_venue_that_nobody_vouches_for_is_not_talked_to(make, venue, tmp_path):
    stranger = Terminator(venue.port, *authority(tmp_path, "stranger"))
    certificate, _ = authority(tmp_path, "venue")
    gateway = make(port=stranger.port, venue_extra=f'tls = true\ntls_ca_file = "{certificate}"').start().answering()
    wait_for(lambda: stranger.refused, "the handshake given up")
    assert venue.connections == 0
    assert not gateway.venue()["opened"]
    stranger.close()
