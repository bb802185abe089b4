"""The receiver: takes Shopify's webhooks in and answers once they are kept.

What is decided from headers and bytes is in `contract.py`; two doors serve it, `asgi.py` in
production and `wsgi.py` anywhere else. `flask --app webhooks run` finds ``create_app`` here.
"""

from flask import Flask

from avnu.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The Flask app. Raises SettingsInvalid and UnsupportedServer."""
    from webhooks import wsgi  # late: the production door needs nothing of it

    return wsgi.create_app(settings)
