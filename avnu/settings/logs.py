"""Settings of the logs. Part of ``avnu/settings/table.py``."""

import dataclasses
import enum

from avnu.settings.kinds import Choice, Flag, row


class LogLevel(enum.StrEnum):
    """The levels of Python's logging that make sense in operation."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(enum.StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSettings:
    """Logs: one line per event on stderr, times in UTC."""

    log_level: LogLevel = row(Choice(LogLevel), LogLevel.INFO, "Least level that is logged.")
    log_format: LogFormat = row(
        Choice(LogFormat), LogFormat.TEXT, "A line is key=value pairs (text), or one JSON object."
    )
    log_webhooks: bool = row(
        Flag(),
        True,
        "At INFO, name the webhooks that were accepted and settled, a line per group and turn.",
    )
