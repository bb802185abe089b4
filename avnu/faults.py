"""What is said of an exception that a handler or a job raised."""

import traceback
from pathlib import Path

_REASON_CHARACTERS = 500


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
