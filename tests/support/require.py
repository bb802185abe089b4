"""Asking for programs that a machine may lack."""

import os
import shutil

import pytest

REQUIRE = "AVNU_REQUIRE"

missing: dict[str, int] = {}
"""How many tests were skipped for want of each program, told in the closing line."""


def require(program: str, also_in: str = "") -> str:
    """The path of ``program``. Without it the test is skipped by name, or fails in CI.

    CI sets AVNU_REQUIRE=all, so that a test cannot vanish there unnoticed. ``also_in`` are folders
    beyond PATH, separated by colons.
    """
    path = shutil.which(program) or shutil.which(program, path=also_in)
    if path is not None:
        return path
    if os.environ.get(REQUIRE) == "all":
        pytest.fail(f"{program} is not installed, and {REQUIRE}=all does not let it be skipped")
    missing[program] = missing.get(program, 0) + 1
    pytest.skip(f"{program} is not installed")
