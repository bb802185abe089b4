"""The part of ``avnu doctor`` about calling Shopify: the keys of tokens, the app's credentials."""

from collections.abc import Iterator

from avnu.errors import SettingsInvalid, StoreOutdated, StoreUnavailable
from avnu.health.check import Check, failed, ok, warning
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.rotation import rotate
from avnu.store.vault import require_vault

# More of them would hide what to do.
_NAMED = 5


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


def tokens_check(settings: Settings) -> Iterator[Check]:
    """Opens every token once; says nothing where keys or database do not let it: others do."""
    try:
        with Store(settings.database_url) as store:
            found = rotate(store, require_vault(settings), dry_run=True)
    except (SettingsInvalid, StoreUnavailable, StoreOutdated):
        return
    sealed = found.sealed_again + found.newest_already
    if not found.unreadable and not found.own_unreadable:
        yield ok("tokens", f"those of {sealed:,} shops can be opened")
        return
    named = ", ".join([*found.own_unreadable, *found.unreadable][:_NAMED])
    yield failed(
        "tokens", f"no key opens those of {len(found.unreadable):,} of "
        f"{len(found.unreadable) + sealed:,} shops, and {len(found.own_unreadable)} of Avnu's own "
        f"keys: {named}",
        "no call can be made for these shops, and their webhooks wait until they are dead letters",
        "add the key they were sealed with to TOKEN_ENCRYPTION_KEYS; if it is lost, the shops must "
        "install the app again",
    )  # fmt: skip


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
