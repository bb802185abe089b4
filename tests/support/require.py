"""Asking for programs that a machine may lack."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable

import pytest

REQUIRE = "AVNU_REQUIRE"

_LACKS = " is not installed"


def require(program: str, also_in: str = "") -> str:
    """The path of ``program``. Without it the test is skipped by name, or fails in CI.

    CI sets AVNU_REQUIRE=all, so that a test cannot vanish there unnoticed. ``also_in`` are folders
    beyond PATH, separated by colons.
    """
    path = shutil.which(program) or shutil.which(program, path=also_in)
    if path is not None:
        return path
    if os.environ.get(REQUIRE) == "all":
        pytest.fail(f"{program}{_LACKS}, and {REQUIRE}=all does not let it be skipped")
    pytest.skip(f"{program}{_LACKS}")


def lacking(reasons: Iterable[str]) -> Counter[str]:
    """How many tests were skipped for want of each program, told in the closing line."""
    said = (reason.removeprefix("Skipped: ") for reason in reasons)
    return Counter(reason.removesuffix(_LACKS) for reason in said if reason.endswith(_LACKS))
