"""Logs: one line per event on stderr. Never a body, personal data or a secret.

    log.warning("lease lost", extra=about(area="orders", partition=7))

    time=2026-11-26T02:33:21.123Z level=WARNING logger=avnu.leases process=MainProcess pid=71
    event="lease lost" area=orders partition=7

(in one line), or the same as a JSON object with LOG_FORMAT=json. Lines of libraries take the same
form, but for what Celery says of a signal, past all logging ("worker: Warm shutdown"). Of an
exception only kind and place are told: its message may quote what was worked on.
"""

import functools
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from avnu.errors import HandlerFailed, InboxUnavailable, SettingsInvalid, UnsupportedServer
from avnu.settings import Settings, load_settings
from avnu.settings.logs import LogFormat

#: What the lines of ``avnu/journal.py`` are logged by; LOG_WEBHOOKS=false silences it.
JOURNAL = "avnu.journal"

# Printable ASCII but for the space, the quote, the equals sign and the backslash.
_BARE = re.compile(r"[!#-<>-\[\]-~]+")

# These speak of addresses, settings and places, never of what was worked on.
_HARMLESS = (
    OSError, RedisConnectionError, RedisTimeoutError, HandlerFailed, InboxUnavailable,
    SettingsInvalid, UnsupportedServer,
)  # fmt: skip

Fields = Mapping[str, object]


def about(**fields: object) -> dict[str, object]:
    """What a log call gives as ``extra``: fields of the line. A list is for several values."""
    return {"fields": fields}


def configure_logging(settings: Settings, context: Callable[[], Fields] = dict) -> None:
    """One handler on the root logger; called once, by whoever starts a process.

    ``context`` is asked for further fields at every line, in the thread that logs.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(settings.log_format, context))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger(JOURNAL).disabled = not settings.log_webhooks
    _adopt_uvicorn()


def formatter_of_environment() -> "LineFormatter":
    """For uvicorn's ``--log-config`` (``avnu/uvicorn-logs.json``), before the app is made."""
    try:
        return LineFormatter(load_settings().log_format)
    except SettingsInvalid:
        return LineFormatter(LogFormat.TEXT)  # the app will not start, and says why


def _adopt_uvicorn() -> None:
    """However it was started: its lines in our form. A log of requests stays off where it is."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        if logger.handlers:
            logger.handlers.clear()
            logger.propagate = True


class LineFormatter(logging.Formatter):
    """A record as one line of ASCII, so that nothing in it acts on a terminal or fakes a line."""

    def __init__(self, form: LogFormat, context: Callable[[], Fields] = dict) -> None:
        super().__init__()
        self._write = _json if form is LogFormat.JSON else _text
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, object] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "logger": record.name,
            "process": record.processName,
            "pid": record.process,
            "event": record.getMessage(),
        }
        fields.update(_task_of(record) or self._context())
        fields.update(getattr(record, "fields", {}))
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            fields["error"] = _error(record.exc_info[1])
            fields["trace"] = " > ".join(_places(record.exc_info[2]))
        return self._write(fields).replace("\x7f", "\\u007f")


def _utc(created_s: float) -> str:
    """ISO 8601 in UTC, to the ms."""
    return f"{_second(int(created_s))}.{int(created_s * 1000) % 1000:03d}Z"


@functools.lru_cache(maxsize=2)  # most lines share their second with the one before
def _second(whole_s: int) -> str:
    return datetime.fromtimestamp(whole_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _task_of(record: logging.LogRecord) -> Fields:
    """Celery's own lines about a task carry what they are about as ``data`` (celery 5.7)."""
    data = getattr(record, "data", None)
    if isinstance(data, Mapping) and "id" in data and "name" in data:
        return {"task": data["name"], "task_id": data["id"]}
    return {}


def _error(fault: BaseException) -> str:
    """The exception's kind with those it came from; its words only where they are harmless."""
    words = f": {fault}" if isinstance(fault, _HARMLESS) else ""
    before = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return f"{type(fault).__name__}{words}" + (f" from {_error(before)}" if before else "")


def _places(trace: Any) -> Iterator[str]:
    """Where it went, outermost first. Celery hands on traces that are only like Python's."""
    while trace is not None:
        code = trace.tb_frame.f_code
        file = "/".join(code.co_filename.rsplit("/", 2)[-2:])
        yield f"{file}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next


def _text(fields: Fields) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)


def _json(fields: Fields) -> str:
    return json.dumps(fields, default=str)
