"""Shops of the sandbox install the app: as after a merchant's click, tokens come for a code."""

from collections.abc import Iterable
from contextlib import closing

import click
import msgspec

from avnu.cli.output import say
from avnu.cli.sandbox_asked import ask_sandbox
from avnu.cli.store_session import installing
from avnu.clock import SystemClock
from avnu.errors import AvnuError, CannotReach, TokenExchangeFailed, UnknownShop
from avnu.sandbox import PlayedDay
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.shopify.exchange import TokenEndpoint
from avnu.shopify.transport import Transport
from avnu.store.database import Store
from avnu.store.schema import require_schema
from avnu.store.shops import Shops, Status

# The sandbox takes any code; it stands for the merchant's consent.
_CODE = Secret("installed-in-the-sandbox")
_PLAYED_WITHIN_S = 120.0


def install_shops(settings: Settings, domains: Iterable[str]) -> list[str]:
    """Those that have no tokens get some; returns which did.

    Raises SettingsInvalid, StoreUnavailable, StoreOutdated, and TokenExchangeFailed when the
    sandbox does not answer.
    """
    clock = SystemClock()
    installed = []
    with (
        closing(Transport(settings, clock)) as transport,
        Store(settings.database_url) as store,
    ):
        endpoint = TokenEndpoint(settings, transport)
        require_schema(store)
        shops = Shops(store, clock)
        taking = installing(settings, store)
        for domain in dict.fromkeys(domains):
            if not _is_installed(shops, domain):
                taking.install(domain, endpoint.redeem(domain, _CODE))
                installed.append(domain)
    return installed


def install_if_sandboxed(settings: Settings, domains: Iterable[str]) -> list[str]:
    """The same before webhooks are simulated, where SHOPIFY_ADMIN_ORIGIN names the sandbox.

    Webhooks may be sent without: what their handlers ask of Shopify then waits, parked.
    """
    if not settings.shopify_admin_origin:
        return []
    try:
        return install_shops(settings, domains)
    except TokenExchangeFailed as fault:
        say(f"the shops are not installed, the sandbox does not give tokens: {fault}")
    except AvnuError as fault:
        say(f"the shops are not installed: {fault}")
    return []


def show_day(settings: Settings, day: PlayedDay) -> None:
    """Have the sandbox answer as after the day that is about to be delivered.

    Without, its shops are others than those of the webhooks, with products that they do not name.
    """
    if not settings.shopify_admin_origin:
        return
    url = f"{settings.shopify_admin_origin}/sandbox/day"
    try:
        ask_sandbox("POST", url, msgspec.structs.asdict(day), within_s=_PLAYED_WITHIN_S)
    except (CannotReach, click.UsageError) as fault:
        say(f"the sandbox does not play the day: {fault}")


def _is_installed(shops: Shops, domain: str) -> bool:
    try:
        found = shops.get(domain)
    except UnknownShop:
        return False
    return found.has_access_token and found.status is Status.INSTALLED
