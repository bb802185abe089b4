"""`python -m tests.bench`: see README.md beside this file."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence

from tests.bench import bullmq_system
from tests.bench.avnu_system import CONCURRENCY
from tests.bench.bullmq_system import BullMQ
from tests.bench.celery_system import PlainCelery
from tests.bench.contest import FULL, QUICK, Contest
from tests.bench.errors import BenchError
from tests.bench.report import Report

PARTS = ("accept", "drain", "effects", "memory", "fairness")
# Only when asked for, as nobody competes in them.
APART = ("durability", "weights")
PASSED, FAILED, CANNOT_RUN = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and answer the exit code: 0 every target kept, 1 not, 2 peer missing."""
    asked = _parser().parse_args(arguments)
    scale = QUICK if asked.quick else FULL
    if asked.rounds:
        scale = dataclasses.replace(scale, rounds=asked.rounds)
    report = Report()
    bullmq: list[BullMQ] = []
    if not asked.alone:
        missing = bullmq_system.missing_program()
        if missing and os.environ.get("AVNU_REQUIRE") == "all":
            print(f"{missing} is not installed, and AVNU_REQUIRE=all", file=sys.stderr)
            return CANNOT_RUN
        if missing:
            report.note(f"BullMQ skipped: {missing} is not installed")
        else:
            folder = bullmq_system.install()
            bullmq = [BullMQ(folder, processes) for processes in (1, 2)]
    celery = None if asked.alone else PlainCelery(CONCURRENCY)
    contest = Contest(scale, report, bullmq, celery)
    parts = {
        "accept": contest.accept,
        "drain": contest.drain,
        "effects": contest.effects,
        "memory": contest.memory,
        "fairness": contest.fairness,
        "durability": contest.durability,
        "weights": contest.weights,
    }
    try:
        for part in asked.only or PARTS:
            parts[part]()
    except BenchError as error:
        print(error, file=sys.stderr)
        return FAILED
    return PASSED if report.finish() else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, smaller backlogs")
    parser.add_argument("--only", action="append", choices=PARTS + APART, help="may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds of each system instead of 5 (quick: 1)")
    parser.add_argument("--alone", action="store_true", help="Avnu only, without the peers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
