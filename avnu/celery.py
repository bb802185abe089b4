"""The shim for ``celery -A avnu worker``: the one module that reads the environment at import."""

from avnu.app import create_app
from avnu.health.beating import beat_notes
from avnu.settings import load_settings
from avnu.worker import equip

app = create_app(load_settings())
equip(app)
beat_notes(app)
