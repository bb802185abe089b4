"""Ports that nobody takes between a test's asking for one and its server's listening on it.

The system gives out the same ones to whoever connects or listens, so that one which was free a
moment ago may not be. These are below what it gives out, other ones for each process of a run.
"""

import itertools
import os
import socket

_FIRST, _EACH = 20_000, 3_000
_WORKERS = 4

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
# Two runs on one machine begin at different ones.
_numbers = itertools.count(os.getpid())


def own_port() -> int:
    """The next port on loopback that is free."""
    for number in itertools.islice(_numbers, _EACH):
        port = _FIRST + _worker * _EACH + number % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
