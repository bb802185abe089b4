"""Flower under ``celery -A avnu flower``: it shows, and lets nobody do anything.

Read-only, on loopback unless FLOWER_ADDRESS says otherwise, and then only with a login
(FLOWER_BASIC_AUTH, or OAuth by Flower's own FLOWER_AUTH, FLOWER_AUTH_PROVIDER, FLOWER_OAUTH2_…).
Its /metrics and /healthcheck ask for no login, whatever is set (flower 2.2): names of tasks and
workers with their counts. To keep them in, let a proxy refuse both paths.
"""

import ast
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import click
from celery.signals import import_modules

from avnu.app import AvnuCelery
from avnu.errors import HandlerFailed
from avnu.logs import configure_logging
from avnu.settings import Settings

# It asks a worker eight questions at once, each by one connection for the question and one for the
# answer: with a worker's four they would wait for each other for ever.
_CONNECTIONS = 32

# Names of its own: kombu would give back messages of workers that are overdue, which is not
# Flower's job and which its user of Redis may not read.
_UNACKED = {f"unacked{part}_key": f"flower.unacked{part}" for part in ("", "_index", "_mutex")}

# What Flower takes where nothing is said.
_PORT = 5555
_COLUMNS = "name,uuid,state,received,runtime,worker"
# What is in an area's message and its answer says more than its id.
_OUR_COLUMNS = "name,args,state,result,received,runtime,worker"
# Of a drain's answer: named by the task and its arguments, or what is read last.
_ALREADY_NAMED = ("area", "partition")
_LAST = ("turns", "ended")
_OF_A_HANDLER = re.compile(rf"{HandlerFailed.__name__}\((.*)\)", re.DOTALL)


def equip_flower(app: AvnuCelery, environ: Mapping[str, str] = os.environ) -> None:
    """Let Flower start only as above. Does nothing in a worker or beat."""

    def before_it_listens(**_: Any) -> None:
        # Flower imports the task modules between reading its options and opening its port.
        context = click.get_current_context(silent=True)
        if context is not None and context.info_name == "flower":
            close(app.runtime.settings, environ)
            app.conf.broker_pool_limit = _CONNECTIONS
            app.conf.broker_transport_options.update(_UNACKED)

    import_modules.connect(before_it_listens, sender=app, weak=False)


def close(settings: Settings, environ: Mapping[str, str]) -> None:
    """Set Flower's options. Ends the process, with what to do, where it would be open."""
    from tornado.options import options  # what Flower is made with

    configure_logging(settings)
    options.read_only = True
    options.address = options.address or settings.flower_address
    if options.port == _PORT:
        options.port = settings.flower_port
    if options.tasks_columns == _COLUMNS:
        options.tasks_columns = _OUR_COLUMNS
    options.format_task = options.format_task or in_short
    logins = [login for login in options.basic_auth or () if login]
    options.basic_auth = logins or [login.reveal() for login in settings.flower_basic_auth]
    fault = open_by(
        options.address,
        options.basic_auth,
        oauth=bool(options.auth),
        everybodys=environ.get("FLOWER_UNAUTHENTICATED_API", ""),
    )
    if fault:
        raise SystemExit(f"avnu: Flower does not start: {fault}")


def in_short(task: Any) -> Any:
    """A task of Celery's events as pages show it: its answer without what stands beside it.

    ``shops 2, done 3, solo 1, turns 1, ended EMPTY``; of a failed run what it failed of.
    """
    if task.state == "FAILURE" and task.exception:
        task.result = _OF_A_HANDLER.sub(r"\1", task.exception)
    try:
        answer = ast.literal_eval(task.result)
    except (ValueError, SyntaxError, TypeError):
        return task  # not there yet, or cut off by Celery
    if isinstance(answer, dict):
        first = [name for name in answer if name not in (*_ALREADY_NAMED, *_LAST)]
        last = [name for name in _LAST if name in answer]
        task.result = ", ".join(f"{name} {answer[name]}" for name in (*first, *last))
    elif isinstance(answer, str):
        task.result = answer
    return task


def open_by(address: str, logins: Iterable[str], *, oauth: bool, everybodys: str) -> str:
    """What would let strangers in, and what to do; empty when nothing does."""
    logins = list(logins)
    for login in logins:
        user, _, password = login.partition(":")
        if not user or not password:
            return "an entry of FLOWER_BASIC_AUTH is not user:password; give both"
    if logins or oauth:
        return ""
    if everybodys.lower() not in ("", "0", "false", "no", "off", "n", "f"):
        return (
            "FLOWER_UNAUTHENTICATED_API opens its API to every web page that a browser here shows;"
            " set FLOWER_BASIC_AUTH=user:password instead"
        )
    if not _is_loopback(address):
        return (
            f"{address} is not loopback, and nobody would be asked for a login;"
            " set FLOWER_BASIC_AUTH=user:password, or leave FLOWER_ADDRESS"
        )
    return ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
