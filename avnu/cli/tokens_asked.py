"""Tokens for ``avnu shops add``: from a prompt or from stdin, never an argument.

An argument stays in the shell's history, and every user of the machine can read it in ``ps``.
"""

import sys

import click

from avnu.secret import Secret
from avnu.store.pairs import is_token


def ask_tokens() -> tuple[Secret, Secret]:
    """Access token and refresh token, the latter empty where there is none.

    Asked for without echo on a terminal; else the first two lines of stdin.
    """
    if sys.stdin.isatty():
        access = click.prompt("Access token", hide_input=True, err=True)
        refresh = click.prompt(
            "Refresh token (Enter for none)",
            hide_input=True,
            err=True,
            default="",
            show_default=False,
        )
    else:
        access, refresh = sys.stdin.readline(), sys.stdin.readline()
    first, second = str(access).strip(), str(refresh).strip()
    if not is_token(first):
        raise click.UsageError("no access token: give it on stdin, the refresh token on line two")
    if second and not is_token(second):
        raise click.UsageError("the refresh token holds blanks or strange characters")
    return Secret(first), Secret(second)
