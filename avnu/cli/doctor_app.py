"""The part of ``avnu doctor`` about calling Shopify: the keys of tokens, the app's credentials."""

from collections.abc import Iterator

from avnu.errors import SettingsInvalid
from avnu.health.check import Check, failed, ok, warning
from avnu.settings import Settings
from avnu.store.vault import require_vault


def app_checks(settings: Settings) -> Iterator[Check]:
    """What a worker needs beside Redis and the database."""
    yield _keys(settings)
    yield _app(settings)


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
