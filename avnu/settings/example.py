"""Writes `.env.example` from the table: ``python -m avnu.settings.example > .env.example``."""

import inspect
import sys

from avnu.settings.kinds import Row, rows_of
from avnu.settings.table import GROUPS

INTRO = """\
# Settings of Avnu. Copy to .env and uncomment what you change; the environment wins over .env.
# Each entry: a sentence, its unit and range, and its default after the equals sign.
# This file is written by `python -m avnu.settings.example > .env.example`.
"""


def example() -> str:
    """The whole text of `.env.example`: every setting, grouped, commented out at its default."""
    return INTRO + "".join(_group(group) for group in GROUPS)


def _group(group: type) -> str:
    heading = (inspect.getdoc(group) or "").splitlines()[0]
    return f"\n# ---- {heading}\n" + "".join(_entry(row) for row in rows_of(group))


def _entry(row: Row) -> str:
    return f"\n# {row.help} ({row.kind.unit})\n#{row.name}={row.show_default()}\n"


if __name__ == "__main__":
    sys.stdout.write(example())
