"""The door for any WSGI server: `gunicorn --threads 16 webhooks.wsgi:app`.

A thread per request: as many half-sent requests as it has threads hold it up for the 5 s that a
body may take. In production serve `webhooks.asgi:app`.
"""

import functools
from typing import Any

from flask import Flask

from avnu.logs import configure_logging
from avnu.settings import Settings, load_settings
from webhooks.commit_thread import CommitThread
from webhooks.receiver import compose
from webhooks.views import create_flask

app: Flask
"""Made when a server asks for it, so that importing this module does nothing."""


def create_app(settings: Settings | None = None) -> Flask:
    """The app, wired from ``settings`` or, without, from the environment and `.env`.

    Raises SettingsInvalid and UnsupportedServer.
    """
    if settings is None:
        settings = load_settings()
        configure_logging(settings)
    receiver = compose(settings)
    thread = CommitThread(receiver)
    flask = create_flask(receiver, thread.keep)
    flask.before_request(thread.begin)  # not sooner: threads do not follow into a forked worker
    return flask


@functools.cache
def _wired() -> Flask:
    return create_app()


def __getattr__(name: str) -> Any:
    if name == "app":
        return _wired()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
