"""What a developer need not set: secrets made once and kept in the data folder.

Only ``avnu up`` and ``avnu demo`` make any: in production a missing secret is an error.
"""

import dataclasses
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from avnu.secret import Secret
from avnu.settings import Settings

_FILE = "env"
_HEAD = """\
# Written by `avnu up`, anew at each start. Other commands find what runs here with
#   avnu --env-file {path} …
# It holds secrets for development only.
"""


def env_file(folder: Path) -> Path:
    """Where the secrets of a data folder are, readable by its owner only."""
    return folder / _FILE


def with_secrets(settings: Settings, folder: Path) -> tuple[Settings, list[str]]:
    """The settings with no secret missing, and the names of those that were not set.

    They come from the folder's file, or are made now; ``write_env`` keeps them.
    """
    kept = dotenv_values(env_file(folder), interpolate=False)
    changes: dict[str, object] = {}
    if not settings.shopify_api_secret:
        text = kept.get("SHOPIFY_API_SECRET") or secrets.token_hex(32)
        changes["shopify_api_secret"] = Secret(text)
    if not settings.token_encryption_keys:
        text = kept.get("TOKEN_ENCRYPTION_KEYS") or Fernet.generate_key().decode()
        changes["token_encryption_keys"] = tuple(Secret(key) for key in text.split(","))
    changed: Settings = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    return changed, [name.upper() for name in changes]


def write_env(folder: Path, settings: Settings, names: list[str]) -> Path:
    """Write the settings called ``names`` where ``--env-file`` can read them; returns the path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = env_file(folder)
    every: Mapping[str, str] = settings.to_environ()
    lines = [f"{name}={every[name]}\n" for name in names]
    # Written beside it and moved there: a reader finds the old file or the new one, whole.
    draft = path.with_name(f"{_FILE}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(_HEAD.format(path=path) + "".join(lines))
    draft.replace(path)
    return path
