"""What is said of an exception that a handler or a job raised."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avnu.errors import HandlerFailed

_REASON_CHARACTERS = 500


@contextmanager
def told_by_place() -> Iterator[None]:
    """Whatever is raised inside leaves as HandlerFailed: its message may quote a payload."""
    try:
        yield
    except Exception as fault:  # noqa: BLE001 -- whatever it is, it is told by its place
        raise HandlerFailed(place_of(fault)).with_traceback(fault.__traceback__) from None


def reason_of(fault: BaseException) -> str:
    """For the operator, kept with the webhook: the error, its message and where it was raised."""
    return f"{place_of(fault)}: {fault}"[:_REASON_CHARACTERS]


def place_of(fault: BaseException) -> str:
    """For logs and Flower: kind and place, never the message, which may quote a payload."""
    frames = traceback.extract_tb(fault.__traceback__)
    if not frames:
        return type(fault).__name__
    last = frames[-1]
    return f"{type(fault).__name__} at {Path(last.filename).name}:{last.lineno}"
