"""``avnu run``: one program, as it runs in production."""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

import click

from avnu.cli import programs
from avnu.settings import Settings, load_settings

PROGRAMS: Mapping[str, Callable[[Settings], list[str]]] = MappingProxyType(
    {
        "receiver": programs.receiver,
        "worker": programs.worker,
        "beat": programs.beat,
        "flower": lambda _: programs.flower(),  # it reads its settings itself
    }
)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", type=click.Choice(list(PROGRAMS)))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def run(program: str, options: tuple[str, ...]) -> None:
    """Become PROGRAM; OPTIONS go to uvicorn or Celery: `avnu run worker -Q orders`.

    For systemd and containers: this process turns into the program, so that their signals reach it.
    Nothing is started that is not there: no Redis, no secrets, no database. AVNU_HOST and AVNU_PORT
    say where the receiver listens.
    """
    command = [*PROGRAMS[program](load_settings()), *options]
    os.execv(command[0], command)  # noqa: S606 -- our own interpreter, and no shell
