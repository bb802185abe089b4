"""The shim for ``celery -A avnu worker | beat | flower``: what alone reads settings at import."""

from avnu.app import create_app
from avnu.flower import equip_flower
from avnu.health.beating import beat_notes
from avnu.settings import load_settings
from avnu.worker import equip

app = create_app(load_settings())
equip(app)
equip_flower(app)
beat_notes(app)
