"""The fixture of a shop that is followed, with its copy on SQLite.

A module asks for it with ``pytest_plugins = ("tests.support.followed_fixtures",)``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.secret import Secret
from avnu.store.database import Store
from tests.support.database import database_environ
from tests.support.followed import NOW_S, FollowedShop
from tests.support.market import Hand


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FollowedShop]:
    clock = Hand()
    clock.now += NOW_S
    with Store(Secret(database_environ(tmp_path)["DATABASE_URL"])) as store:
        yield FollowedShop(store, clock)
