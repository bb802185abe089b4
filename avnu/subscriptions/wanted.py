"""Which topics are to be subscribed to; the one table is ``avnu/shopify/topics.py``."""

from avnu.shopify.topics import TOPICS

# Mandatory, and by the app's configuration only: no shop can be asked for them, or about them.
COMPLIANCE: tuple[str, ...] = tuple(
    topic.name for topic in TOPICS.values() if topic.area == "compliance"
)

WANTED: tuple[str, ...] = tuple(name for name in TOPICS if name not in COMPLIANCE)


def api_name(topic: str) -> str:
    """``orders/create`` → ``ORDERS_CREATE``, as the Admin API spells it."""
    return topic.replace("/", "_").replace(".", "_").upper()


WANTED_BY_API_NAME = {api_name(topic): topic for topic in WANTED}
