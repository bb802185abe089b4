"""The part of ``avnu doctor`` about calling Shopify: keys, database, app, shops, breaker."""

from collections import Counter
from collections.abc import Iterator

import redis
from redis.exceptions import RedisError

from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import CLOSED, SHOPIFY, BreakerPolicy
from avnu.cli.check import Check, failed, ok, warning
from avnu.cli.doctor_compliance import compliance_check
from avnu.clock import Clock
from avnu.errors import SettingsInvalid, StoreOutdated, StoreUnavailable
from avnu.keys import Keys
from avnu.settings import Settings
from avnu.store.database import UPGRADE, Store
from avnu.store.schema import require_schema
from avnu.store.shops import Shop, Shops, Status
from avnu.store.vault import require_vault

_NAMED = 5
_IN_TROUBLE = (Status.FROZEN, Status.UNAUTHORISED)


def shopify_checks(settings: Settings, clock: Clock) -> Iterator[Check]:
    """What a worker needs beside Redis, and how the shops stand."""
    yield _keys(settings)
    yield _app(settings)
    yield from _database(settings, clock)


def breaker_check(settings: Settings, client: "redis.Redis") -> Check:
    """Whether Shopify is called at all; ``client`` is on DB 0, which answers."""
    names, policy = Keys(settings.avnu_namespace), BreakerPolicy.of(settings)
    try:
        state = BreakerControl(client, names, policy).show(SHOPIFY).state
    except (RedisError, OSError) as fault:
        return failed(
            "breaker", f"cannot be read: {type(fault).__name__}",
            "each process goes on with one of its own", "see the check of the cache's database",
        )  # fmt: skip
    if state == CLOSED:
        return ok("breaker", "closed: Shopify is called")
    return warning(
        "breaker",
        state,
        "calls are not made as usual, and shops that need one wait",
        "avnu breaker list; a forced one goes back to its own judgement with: avnu breaker auto",
    )


def _keys(settings: Settings) -> Check:
    try:
        require_vault(settings)
    except SettingsInvalid as fault:
        return failed(
            "token keys", "; ".join(fault.faults),
            "no worker starts without: tokens of shops cannot be read", "set TOKEN_ENCRYPTION_KEYS",
        )  # fmt: skip
    return ok("token keys", f"{len(settings.token_encryption_keys)}, all can be used")


def _app(settings: Settings) -> Check:
    if settings.shopify_admin_origin:
        return warning(
            "app", f"the Admin API is called at {settings.shopify_admin_origin}",
            "that is not Shopify: nothing a handler learns or does there is real",
            "in production, remove SHOPIFY_ADMIN_ORIGIN",
        )  # fmt: skip
    if not settings.shopify_api_key:
        return warning(
            "app", "SHOPIFY_API_KEY is not set",
            "no token can be refreshed, and those of public apps end after an hour",
            "set it to the app's client id",
        )  # fmt: skip
    return ok("app", f"Admin API {settings.shopify_api_version}, tokens can be refreshed")


def _database(settings: Settings, clock: Clock) -> Iterator[Check]:
    try:
        with Store(settings.database_url) as store:
            require_schema(store)
            yield ok("database", f"{store.place} is ready")
            yield _shops(list(Shops(store, clock).every()))
            yield compliance_check(settings, store, clock)
    except (StoreOutdated, SettingsInvalid) as fault:
        why = "no worker starts before it is mended"
        yield failed("database", str(fault), why, UPGRADE)
    except StoreUnavailable as fault:
        why = "shops that need a token wait, parked"
        yield failed(
            "database", str(fault), why, "see that it runs, and that DATABASE_URL is right"
        )


def _shops(every: list[Shop]) -> Check:
    by_status = Counter(shop.status.value for shop in every)
    found = ", ".join(f"{n:,} {status}" for status, n in sorted(by_status.items())) or "none yet"
    trouble = [shop.domain for shop in every if shop.status in _IN_TROUBLE]
    if not trouble:
        return ok("shops", found)
    named = ", ".join(trouble[:_NAMED]) + (" …" if len(trouble) > _NAMED else "")
    return warning(
        "shops",
        f"{found}: {named}",
        "their webhooks wait, and are dead letters after PARK_MAX_SECONDS",
        "avnu shops show SHOP says why; then avnu shops resume SHOP, or add it with new tokens",
    )
