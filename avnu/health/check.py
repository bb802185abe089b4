"""What one check found, be it of the monitor or of ``avnu doctor``."""

import enum

import msgspec


class State(enum.StrEnum):
    """How a check ended. A warning is for somebody to look at; it fails nothing."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """One check. ``why`` it matters and what ``todo`` are empty when all is well."""

    name: str
    state: State
    found: str
    why: str = ""
    todo: str = ""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, State.OK, found)


def warning(name: str, found: str, why: str, todo: str) -> Check:
    """Somebody should look at it."""
    return Check(name, State.WARNING, found, why, todo)


def failed(name: str, found: str, why: str, todo: str) -> Check:
    """Something does not work, or will not when it is needed."""
    return Check(name, State.FAILED, found, why, todo)
