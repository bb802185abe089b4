"""Logs: one line per event on stderr. Never a body, personal data or a secret."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(processName)s %(name)s %(message)s"


def configure_logging(level: str) -> None:
    """One handler on the root logger; called once, by whoever starts a process."""
    logging.basicConfig(level=level, format=_FORMAT, force=True)
