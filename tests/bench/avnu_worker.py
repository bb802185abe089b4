"""`celery -A tests.bench.avnu_worker worker`: Avnu's worker, with handlers that only read.

The other systems' jobs read their payloads and call nobody, and so do these: what is compared is
the way from the queue to the handler, and back.
"""

from collections.abc import Mapping, Sequence

from avnu.app import create_app
from avnu.handlers import Area, Shop, Webhook
from avnu.settings import load_settings
from avnu.shopify.payloads.app import ScopesUpdate
from avnu.shopify.payloads.compliance import DataRequest
from avnu.shopify.payloads.inventory import InventoryLevel
from avnu.shopify.payloads.orders import Fulfillment
from avnu.shopify.payloads.products import Product
from avnu.shopify.topics import AREAS
from avnu.webhook import Handler
from avnu.worker import equip

# The topics that the benchmark delivers, by handler.
READS: Mapping[str, Mapping[str, type]] = {
    "orders": {"fulfillment_changed": Fulfillment},
    "products": {"product_changed": Product},
    "inventory": {"level_changed": InventoryLevel},
    "app": {"scopes_updated": ScopesUpdate},
    "compliance": {"data_requested": DataRequest},
}


def _reading(name: str, kind: type) -> Handler:
    def handler(shop: Shop, webhooks: Sequence[Webhook]) -> None:
        for webhook in webhooks:
            webhook.decode(kind)

    handler.__name__ = name
    return handler


def _area(name: str) -> Area:
    area = Area(name)
    for handler, kind in READS[name].items():
        area.handler(_reading(handler, kind))
    return area


app = create_app(load_settings())
app.conf.include = ()  # these handlers stand for those of tasks/
areas = [_area(name) for name in AREAS]
equip(app)
