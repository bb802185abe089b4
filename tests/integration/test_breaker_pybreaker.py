"""Every defect of pybreaker's Redis storage is there on it, and not on ours."""

import logging

import pytest

from tests.support.breaker_table import ROWS, Row, line, play
from tests.support.servers import Server


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.defect}")
def test_a_defect_of_pybreaker_is_absent_here(
    server: Server, flush: None, row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    theirs, ours = play(server, row)
    print(f"\n{line(row, theirs, ours)}")
    assert theirs[1], f"not seen on pybreaker: {theirs[0]}"
    assert not ours[1], f"seen on ours too: {ours[0]}"
