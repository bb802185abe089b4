"""avnu/worker_end.py: who parts, in which order, and that a signal wakes a loop that waits."""

import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from celery.signals import worker_shutting_down
from kombu.asynchronous import Hub, get_event_loop, set_event_loop
from kombu.asynchronous.timer import Timer

from avnu.worker_end import leave, wake_loop

# What kombu's loop waits for at most, if nothing wakes it and no timer of a worker (2 s) does.
LONGEST_S = 10


def test_a_child_parts_and_then_leaves_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[object] = []
    services = SimpleNamespace(close=lambda: did.append("parted"))
    app: Any = SimpleNamespace(
        runtime=SimpleNamespace(services=SimpleNamespace(made=lambda: [services]))
    )
    monkeypatch.setattr(os, "_exit", did.append)
    leave(app, sender="one@host", pid=1, exitcode=155)
    assert did == ["parted", 155]


def test_a_signal_wakes_a_loop_that_waits() -> None:
    reading, writing = os.pipe()
    before, hub = get_event_loop(), Hub(timer=Timer(max_interval=60))
    set_event_loop(hub)
    hub.add_reader(reading, lambda: None)  # without one it does not wait in poll
    hub.call_later(60, lambda: None)
    worker_shutting_down.connect(wake_loop)
    handler = signal.signal(signal.SIGUSR2, lambda *_: worker_shutting_down.send(sender="one@host"))
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR2)).start()
        began_s = time.monotonic()
        next(hub.create_loop())
        assert time.monotonic() - began_s < LONGEST_S / 2
    finally:
        signal.signal(signal.SIGUSR2, handler)
        worker_shutting_down.disconnect(wake_loop)
        set_event_loop(before)
        hub.close()
        os.close(reading)
        os.close(writing)
