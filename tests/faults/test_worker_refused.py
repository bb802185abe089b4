"""A worker that could not call Shopify ends at its start, and says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import ROOT
from tests.support.stack import Stack


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"TOKEN_ENCRYPTION_KEYS": ""}, "TOKEN_ENCRYPTION_KEYS is not set; make one with"),
        ({"TOKEN_ENCRYPTION_KEYS": "short"}, "number 1 is not a Fernet key"),
        ({"DATABASE_URL": "sqlite:///{folder}/none.db"}, "is empty; run: avnu db upgrade"),
        (
            {"MARKET_CHANGED": "no_such_package:told"},
            "MARKET_CHANGED='no_such_package:told' cannot",
        ),
    ],
    ids=["no key", "a key that is none", "no database", "no such hook"],
)
def test_it_ends_with_a_sentence(
    stack: Stack, tmp_path: Path, missing: dict[str, str], said: str
) -> None:
    changes = {name: text.format(folder=tmp_path) for name, text in missing.items()}
    worker = stack.worker("refused")
    ended = subprocess.run(
        [sys.executable, "-m", *worker.command()],
        cwd=ROOT,
        env=worker.environ | changes,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "short" not in ended.stderr
