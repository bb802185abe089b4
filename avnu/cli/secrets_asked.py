"""The app's secret for ``sign`` and ``verify``: from the settings or a prompt, never an argument.

An argument stays in the shell's history, and every user of the machine can read it in ``ps``.
"""

import sys
from typing import Any

import click

from avnu.settings import Settings, load_settings


def ask_option(command: Any) -> Any:
    """The option ``--ask-secret``."""
    return click.option(
        "--ask-secret", is_flag=True, help="Ask for the secret instead of reading the settings."
    )(command)


def body_argument(command: Any) -> Any:
    """The body: a file, or stdin."""
    return click.argument("body", metavar="[FILE]", type=click.File("rb"), default="-")(command)


def known_secrets(ask: bool) -> dict[str, str]:
    """Secrets by the name of their setting, the current one first; at least one.

    Asks when there is none in the settings. Raises SettingsInvalid; a usage error where nobody can
    be asked.
    """
    settings = load_settings()
    known = {} if ask else _configured(settings)
    if known:
        return known
    # getpass reads the terminal itself, so the body may come through stdin at the same time.
    if not sys.stderr.isatty():
        raise click.UsageError("SHOPIFY_API_SECRET is not set, and nobody is there to be asked")
    return {"the secret given": click.prompt("Secret of the app", hide_input=True, err=True)}


def _configured(settings: Settings) -> dict[str, str]:
    found = {
        "SHOPIFY_API_SECRET": settings.shopify_api_secret,
        "SHOPIFY_API_SECRET_PREVIOUS": settings.shopify_api_secret_previous,
    }
    return {name: secret.reveal() for name, secret in found.items() if secret}
