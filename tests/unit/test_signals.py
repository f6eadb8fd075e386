"""Signals: a handler takes no lock that the thread it interrupts may hold."""

from __future__ import annotations

import signal
import threading

import pytest

from gateway.signals import SignalThread


@pytest.fixture
def signals():
    before = signal.getsignal(signal.SIGUSR1)
    yield SignalThread()
    signal.signal(signal.SIGUSR1, before)


def test_a_handler_waits_for_no_lock_of_the_thread_it_interrupts(signals):
    lock, acted = threading.Lock(), threading.Event()

    def act(number):
        with lock:
            acted.set()

    signals.on(signal.SIGUSR1, act)
    with lock:
        signal.raise_signal(signal.SIGUSR1)  # the handler runs here
        assert not acted.is_set()
    assert acted.wait(20)


def test_a_failing_act_is_told_and_the_next_signal_heard(signals, caplog):
    numbers, both = [], threading.Event()

    def act(number):
        numbers.append(number)
        if len(numbers) == 2:
            both.set()
        raise ValueError("on purpose")

    signals.on(signal.SIGUSR1, act)
    for _ in range(2):
        signal.raise_signal(signal.SIGUSR1)
    assert both.wait(20)
    assert numbers == [signal.SIGUSR1] * 2
    assert "on purpose" in caplog.text
