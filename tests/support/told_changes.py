"""A marketplace's own function, as MARKET_CHANGED names it: notes what it is told, and when."""

import os
from collections.abc import Sequence
from pathlib import Path

from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.market.changes import Change
from tests.support.market import rows

NAME = "tests.support.told_changes:note"
FILE = "AVNU_TEST_TOLD"


def note(changes: Sequence[Change]) -> None:
    """A line for each: its kind, id and what, and the title that another connection reads."""
    with Store(Secret(os.environ["DATABASE_URL"])) as store:
        seen = {row["id"]: row["title"] for row in rows(store)["products"]}
    with Path(os.environ[FILE]).open("a") as file:
        file.writelines(
            f"{one.shop} {one.kind} {one.id} {one.what}, seen: {seen.get(one.id)}\n"
            for one in changes
        )
