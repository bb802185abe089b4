"""The same seed gives the same plan in another process, where hashes and sets are ordered anew."""

import subprocess
import sys

import pytest

PROGRAM = """
import hashlib
from avnu.sandbox import ALL_MISCHIEF, plan
print(hashlib.sha256(repr(plan(5, 12, 400, ALL_MISCHIEF)).encode()).hexdigest())
"""


def digest(hash_seed: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
    )
    return found.stdout


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_plan_does_not_depend_on_the_process(hash_seed: str) -> None:
    assert digest(hash_seed) == digest("0")
