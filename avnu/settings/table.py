"""Every setting of Avnu: variable, kind, default, bounds and one sentence each.

This table drives parsing, ``.env.example`` and the documentation. To add a setting, add a line to
the group it belongs to, then write the example anew with ``python -m avnu.settings.example``.
A class is one group; the first line of its docstring is the heading in ``.env.example``.
"""

import dataclasses

from avnu.secret import Secret
from avnu.settings.cache import CacheSettings
from avnu.settings.compliance import ComplianceSettings
from avnu.settings.flower import FlowerSettings
from avnu.settings.guards import BreakerSettings, BudgetSettings
from avnu.settings.health import HealthSettings
from avnu.settings.inbox import InboxSettings, QueueSettings, WebhookSettings
from avnu.settings.kinds import HOST, Hidden, HiddenList, Text, row, whole
from avnu.settings.logs import LogSettings
from avnu.settings.market import MarketSettings
from avnu.settings.reconcile import ReconcileSettings
from avnu.settings.redis import CacheServerSettings, RedisSettings
from avnu.settings.shopify import ShopifySettings
from avnu.settings.upkeep import UpkeepSettings

NAMESPACE = r"[a-z0-9][a-z0-9_-]{0,31}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Avnu itself."""

    avnu_namespace: str = row(
        Text("prefix", NAMESPACE, "use 1 to 32 of a-z 0-9 _ -, beginning with a letter or digit"),
        "avnu",
        "Prefix of every key: one deployment serves one Shopify app.",
    )
    avnu_host: str = row(HOST, "127.0.0.1", "Address on which the receiver serves.")
    avnu_port: int = whole(
        8000, "port, 0 for any free one", "Port on which the receiver serves.", 0, 65535
    )
    metrics_token: Secret = row(
        Hidden(), Secret(), "Bearer token that opens /metrics and /readyz beyond loopback."
    )
    database_url: Secret = row(
        Hidden("SQLAlchemy address, may hold a password"),
        Secret("sqlite:///.avnu/avnu.db"),
        "The marketplace's database.",
    )
    token_encryption_keys: tuple[Secret, ...] = row(
        HiddenList("Fernet keys, separated by commas"),
        (),
        "Keys of the stored tokens, newest first.",
    )


GROUPS: tuple[type, ...] = (
    RedisSettings,
    CacheServerSettings,
    QueueSettings,
    ShopifySettings,
    ServiceSettings,
    LogSettings,
    FlowerSettings,
    InboxSettings,
    WebhookSettings,
    CacheSettings,
    BreakerSettings,
    BudgetSettings,
    MarketSettings,
    ComplianceSettings,
    UpkeepSettings,
    ReconcileSettings,
    HealthSettings,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllSettings(
    RedisSettings,
    CacheServerSettings,
    QueueSettings,
    ShopifySettings,
    ServiceSettings,
    LogSettings,
    FlowerSettings,
    InboxSettings,
    WebhookSettings,
    CacheSettings,
    BreakerSettings,
    BudgetSettings,
    MarketSettings,
    ComplianceSettings,
    UpkeepSettings,
    ReconcileSettings,
    HealthSettings,
):
    """Every setting as a typed attribute, named like its variable in lower case."""
