"""The ``avnu`` command: one module per group of commands, imported when it is called.

To add a command: a module with a click command of the same name, and a line in ``COMMANDS``.
Reads take ``--json``: stdout is data, stderr is talk. Exit codes are in ``exits.py``.
"""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from dotenv import dotenv_values

from avnu.cli.exits import ending
from avnu.errors import AvnuError

COMMANDS: Mapping[str, str] = {
    "up": "avnu.cli.up",
    "run": "avnu.cli.run",
    "demo": "avnu.cli.demo",
    "simulate": "avnu.cli.simulate",
    "sandbox": "avnu.cli.sandbox",
    "status": "avnu.cli.status",
    "webhooks": "avnu.cli.webhooks",
    "dead": "avnu.cli.dead",
    "queues": "avnu.cli.queues",
    "breaker": "avnu.cli.breaker",
    "cache": "avnu.cli.cache",
    "shops": "avnu.cli.shops",
    "compliance": "avnu.cli.compliance",
    "db": "avnu.cli.db",
    "redis": "avnu.cli.redis",
    "sizing": "avnu.cli.sizing",
    "doctor": "avnu.cli.doctor",
    "audit": "avnu.cli.audit",
    "verify": "avnu.cli.verify",
    "sign": "avnu.cli.sign",
}


class Commands(click.Group):
    """Imports a command when it is asked for, and turns Avnu's errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """The command, or None when there is no such."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that Avnu raised on purpose ends it with one sentence."""
        try:
            return super().invoke(ctx)
        except AvnuError as fault:
            ctx.exit(ending(fault))


@click.group("avnu", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="Settings to read before .env, e.g. what `avnu up` writes; of several the first wins.",
)
@click.version_option(package_name="avnu")
def main(env_files: tuple[Path, ...]) -> None:
    """Take in Shopify's webhooks, lose none, and follow each shop's changes in order.

    Settings come from the environment, then --env-file, then .env in this folder.

    Exit codes: 0 ok, 1 a check failed, 2 usage or settings, 3 not found, 5 cannot reach.
    """
    for env_file in env_files:
        for name, value in dotenv_values(env_file, interpolate=False).items():
            os.environ.setdefault(name, value or "")
