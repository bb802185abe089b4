"""The programs that make Avnu run: how each is started, and with which environment."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from avnu.embedded import free_port
from avnu.errors import CheckFailed
from avnu.settings import Settings

#: Given to uvicorn as --log-config: its first lines, before the app is made, take our form too.
UVICORN_LOGS = Path(__file__).parents[1] / "uvicorn-logs.json"

#: How long requests that are under way may take when the receiver ends.
_GRACE_S = 5
# A finaliser takes far less.
_FINALISED_S = 0.05
# Quiet: without a banner of many lines.
_CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "avnu")


def receiver(settings: Settings) -> list[str]:
    """The ASGI door under uvicorn."""
    return [
        *(sys.executable, "-m", "uvicorn", "webhooks.asgi:app"),
        *("--host", settings.avnu_host, "--port", str(settings.avnu_port)),
        # Explicit, because uvicorn would read WEB_CONCURRENCY.
        *("--workers", "1", "--lifespan", "on"),
        *("--no-access-log", "--no-server-header", "--no-date-header"),
        # Shopify reuses connections; uvicorn's 5 s would close them between two deliveries.
        *("--timeout-keep-alive", "75"),
        *("--log-level", settings.log_level.lower(), "--log-config", str(UVICORN_LOGS)),
        *("--timeout-graceful-shutdown", str(_GRACE_S)),
    ]


def worker(settings: Settings, name: str = "avnu") -> list[str]:
    """One Celery worker with QUEUE_CONCURRENCY children; ``name`` tells it from others here."""
    return [
        *_CELERY,
        "worker",
        *("--hostname", f"{name}@%h", "--loglevel", settings.log_level.value),
    ]


def beat(settings: Settings) -> list[str]:
    """Celery's scheduler; its state is in Redis."""
    return [
        *_CELERY,
        "beat",
        *("--pidfile=", "--loglevel", settings.log_level.value),
    ]


def flower() -> list[str]:
    """Queue and workers in a browser; where it serves is in its environment."""
    return [*_CELERY, "flower"]


def sandbox(settings: Settings, *options: str) -> list[str]:
    """The sandbox's Admin API where SHOPIFY_ADMIN_ORIGIN says; ``options`` of `sandbox serve`."""
    port = urlsplit(settings.shopify_admin_origin).port
    return [sys.executable, "-m", "avnu", "sandbox", "serve", "--port", str(port), *options]


def environment(settings: Settings, around: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the programs are started with: these settings, whatever `.env` lies near them.

    Their output goes through a pipe, so it must not wait in a buffer.
    """
    return {**around, **settings.to_environ(), "PYTHONUNBUFFERED": "1"}


def end_like_ctrl_c() -> None:
    """From now on SIGTERM and a closed terminal end the command as Ctrl-C does, in order."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again


def _interrupt_again(told: "sys.UnraisableHookArgs") -> None:
    """Python drops what is raised in a finaliser, and a signal may come just then."""
    if told.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(told)
        return
    threading.Timer(_FINALISED_S, os.kill, (os.getpid(), signal.SIGINT)).start()


def port_for(settings: Settings) -> int:
    """AVNU_PORT, or a free port for 0. Raises CheckFailed, with what to do, when it is in use."""
    host, port = settings.avnu_host, settings.avnu_port
    if port == 0:
        return free_port()
    fault = _bind_fault(host, port)
    if fault is None:
        return port
    if fault.errno == errno.EADDRINUSE:
        raise CheckFailed(
            f"port {port} of {host} is in use; end what listens there, or set AVNU_PORT to "
            "another port, or to 0 for any free one"
        )
    raise CheckFailed(
        f"cannot listen on {host} port {port}: {fault.strerror or fault}; set AVNU_HOST and "
        "AVNU_PORT to what this machine has"
    )


def flower_port_for(settings: Settings) -> int:
    """FLOWER_PORT; a free port for 0, or where it was not set and is in use. Raises CheckFailed."""
    port = settings.flower_port
    if port and _bind_fault(settings.flower_address, port) is None:
        return port
    if port and "FLOWER_PORT" in settings.given:
        raise CheckFailed(f"port {port} is in use; set FLOWER_PORT to another, or to 0 for any")
    return free_port()


def port_is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of loopback now."""
    return _bind_fault("127.0.0.1", port) is None


def _bind_fault(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As uvicorn does, so that connections of a server that just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as fault:
        return fault
    return None
