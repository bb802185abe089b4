"""Settings from the environment and `.env`: read once, checked as a whole, then passed around.

The table of settings is in ``avnu/settings/table.py``; this module reads a text for each row.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values

from avnu.errors import SettingsInvalid
from avnu.secret import Secret
from avnu.settings.checks import relations
from avnu.settings.inbox import Durability
from avnu.settings.kinds import Row, rows_of
from avnu.settings.logs import LogFormat, LogLevel
from avnu.settings.table import GROUPS, AllSettings

__all__ = ["ROWS", "Durability", "LogFormat", "LogLevel", "Secret", "Settings", "load_settings"]

NAME = re.compile(r"[A-Z][A-Z_]+")
ROWS: tuple[Row, ...] = tuple(row for group in GROUPS for row in rows_of(group))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(AllSettings):
    """Every setting as a typed attribute, named like its variable in lower case.

    ``given`` holds the names of the variables that were set, so that a default can be told from
    the same value chosen by the operator. Make a variant with ``dataclasses.replace``.
    """

    given: frozenset[str] = frozenset()

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Settings from ``environ``; an empty variable counts as not set.

        Raises SettingsInvalid with every fault at once, each with what to do about it. A value
        appears in a fault only when the setting is not a secret.
        """
        texts = {row.name: environ.get(row.name, "").strip() for row in ROWS}
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for row in ROWS:
            text = texts[row.name]
            if not text:
                continue
            try:
                values[row.name.lower()] = row.kind.parse(text)
            except ValueError as fault:
                shown = "" if row.secret else f"={text!r}"
                faults[row.name] = f"{row.name}{shown} {fault}"
        settings = cls(given=frozenset(name for name, text in texts.items() if text), **values)
        # A relation with a setting that is at fault itself would be told of its default.
        between = [f for f in relations(settings) if faults.keys().isdisjoint(NAME.findall(f))]
        if faults or between:
            raise SettingsInvalid([*faults.values(), *between])
        return settings

    def to_environ(self) -> dict[str, str]:
        """The same settings as variables, secrets revealed: the environment of a child process.

        Every variable is there, the unset ones empty, so that nothing from a `.env` near the
        child gets through.
        """
        return {row.name: row.kind.show(getattr(self, row.name.lower())) for row in ROWS}

    def require_app(self, why: str) -> None:
        """Raises SettingsInvalid, saying ``why``, unless the app's own credentials are there."""
        credentials = {
            "SHOPIFY_API_KEY": self.shopify_api_key,
            "SHOPIFY_API_SECRET": self.shopify_api_secret,
        }
        missing = [f"{name} is not set; {why}" for name, value in credentials.items() if not value]
        if missing:
            raise SettingsInvalid(missing)

    def require_receiver(self) -> None:
        """Raises SettingsInvalid unless what the receiver cannot do without is there."""
        if not self.shopify_api_secret:
            raise SettingsInvalid(
                ["SHOPIFY_API_SECRET is not set; give the client secret of the Shopify app"]
            )


def load_settings(
    dotenv_path: str | Path = ".env", environ: Mapping[str, str] | None = None
) -> Settings:
    """Settings from the environment over the file ``dotenv_path``; a missing file is empty.

    A variable that the environment holds, even empty, hides the file's. Values in the file are
    taken literally: nothing is interpolated, as secrets may hold a ``$``. Raises SettingsInvalid.
    """
    found = dotenv_values(dotenv_path, interpolate=False)
    file = {name: value or "" for name, value in found.items()}
    return Settings.load(file | dict(os.environ if environ is None else environ))
