"""The fixture ``avnu``: the command on the session's server.

A module asks for it with ``pytest_plugins = ("tests.support.command_fixtures",)``.
"""

from pathlib import Path

import pytest

from avnu.settings import Settings
from tests.support.command import Run, runner


@pytest.fixture
def avnu(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``avnu`` with the test's settings in its environment, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return runner(settings.to_environ())
