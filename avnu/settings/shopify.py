"""Settings of the Shopify app and of calls to the Admin API. Part of ``avnu/settings/table.py``."""

import dataclasses
import enum

from avnu.secret import Secret
from avnu.settings.kinds import Choice, Hidden, Text, row, whole

API_VERSION = r"[0-9]{4}-(01|04|07|10)|unstable"
LOOPBACK = r"https?://(127(\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]{1,5})?"
HTTPS = r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\x21-\x7e]*)?"


class Subscriptions(enum.StrEnum):
    """Where Shopify is told which webhooks to send."""

    APP = "app"
    SHOP = "shop"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShopifySettings:
    """Shopify: the app whose webhooks come in."""

    shopify_api_key: str = row(Text("text"), "", "Client id of the app.")
    shopify_api_secret: Secret = row(
        Hidden(),
        Secret(),
        "Client secret of the app, which signs the webhooks; the receiver needs it.",
    )
    shopify_api_secret_previous: Secret = row(
        Hidden(), Secret(), "The secret before this one, accepted while a rotation is under way."
    )
    shopify_api_version: str = row(
        Text("version", API_VERSION, "write a quarter such as 2026-07, or unstable"),
        "2026-07",
        "Version of the Admin API.",
    )
    shopify_admin_origin: str = row(
        Text("address", LOOPBACK, "only a server on this machine may stand in for Shopify"),
        "",
        "Where the Admin API is called instead of at the shops: the sandbox, for development.",
    )
    shopify_connect_timeout_ms: int = whole(
        3000, "ms", "Longest wait for a connection to Shopify.", 100, 30000
    )
    shopify_read_timeout_ms: int = whole(
        # Shopify gives up on a call of its own after 10 s, and says so with a 504.
        10500, "ms", "Longest wait for the next bytes of an answer.", 100, 60000
    )  # fmt: skip
    shopify_total_timeout_ms: int = whole(
        12000, "ms", "Longest that one call of the Admin API may take.", 100, 120000
    )
    shopify_subscriptions: Subscriptions = row(
        Choice(Subscriptions),
        Subscriptions.APP,
        "Webhooks are declared by the app (deploy/shopify.app.toml), or made anew in each shop.",
    )
    shopify_webhook_address: str = row(
        Text("https address", HTTPS, "write https://host/webhooks/shopify"),
        "",
        "Where Shopify finds the receiver; needed for subscriptions of each shop.",
    )
