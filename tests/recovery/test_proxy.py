"""The proxy makes the faults it is told to make; otherwise every test that uses it would pass for nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from gateway_process import wait_for
from proxy import IN, OUT, Proxy

MESSAGE = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"
OTHER = b"8=FIX.4.4\x019=5\x0135=1\x0110=164\x01"


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def proxy(upstream: socket.socket) -> Iterator[Proxy]:
    with Proxy(upstream.getsockname()[1]) as running:
        yield running


@pytest.fixture
def ends(upstream: socket.socket, proxy: Proxy) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's socket and the server's."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as near, upstream.accept()[0] as far:
        far.settimeout(100)
        wait_for(lambda: proxy.connected, "the proxy has both")
        yield near, far


def received(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := end.recv(size - len(data))):
        data += chunk
    return data


def test_what_is_sent_arrives_both_ways(ends):
    near, far = ends
    for message in (MESSAGE, OTHER * 1000):
        for source, target in ((near, far), (far, near)):
            source.sendall(message)
            assert received(target, len(message)) == message


@pytest.mark.parametrize(
    ("setting", "value", "mark"), [("largest_piece", 3, "pieces"), ("bytes_per_second", 4000, "throttled")]
)
def test_pieces_and_little_bandwidth_change_nothing_but_the_time(proxy, ends, setting, value, mark):
    setattr(proxy, setting, value)
    near, far = ends
    near.sendall(MESSAGE * 20)
    assert received(far, 20 * len(MESSAGE)) == MESSAGE * 20
    assert proxy.done[mark] >= 20


def test_a_delay(proxy, ends):
    proxy.delay_seconds = 0.2
    near, far = ends
    started = time.monotonic()
    near.sendall(MESSAGE)
    assert received(far, len(MESSAGE)) == MESSAGE
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("direction", [IN, OUT])
def test_messages_are_repeated_in_one_direction(proxy, ends, direction):
    near, far = ends
    proxy.repeat(2, direction)
    source, target = (far, near) if direction == IN else (near, far)
    source.sendall(MESSAGE + OTHER + MESSAGE)
    expected = MESSAGE * 2 + OTHER * 2 + MESSAGE
    assert received(target, len(expected)) == expected
    target.sendall(OTHER)
    assert received(source, len(OTHER)) == OTHER
    assert proxy.done["repeated"] == 2


def test_a_cut_is_an_end_for_both(proxy, ends):
    proxy.cut()
    assert [end.recv(10) for end in ends] == [b"", b""]


def test_a_reset_is_one_for_both(proxy, ends):
    proxy.reset()
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(10)


@pytest.mark.parametrize("fault", ["half_open", "half_deaf"])
def test_a_half_open_connection_says_nothing_and_does_not_end(proxy, ends, fault):
    near, far = ends
    getattr(proxy, fault)()
    near.settimeout(0.2)
    far.sendall(MESSAGE)
    near.sendall(OTHER)
    with pytest.raises(TimeoutError):
        near.recv(10)
    if fault == "half_deaf":
        assert received(far, len(OTHER)) == OTHER
    near.close()
    far.settimeout(0.2)
    with pytest.raises(TimeoutError):
        far.recv(10)  # it does not hear of the other's end either


def test_a_refused_connection(proxy):
    proxy.refusing = True
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as refused:
        refused.recv(10)


def test_an_end_is_passed_on_and_threads_end(proxy, ends):
    near, far = ends
    near.close()
    assert far.recv(10) == b""
    assert proxy.connected == 0
    for thread in [one for one in threading.enumerate() if one.name == "proxy-connection"]:
        thread.join(100)
        assert not thread.is_alive()
