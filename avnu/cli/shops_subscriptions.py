"""``avnu shops subscriptions``: what the last audits of webhook subscriptions found."""

from typing import Any

import click
import msgspec

from avnu.cli.found import SHOP
from avnu.cli.output import duration, json_option, moment, say, show_json, show_table
from avnu.cli.store_session import open_store
from avnu.errors import NotFound
from avnu.subscriptions.audit import Audited, audited
from avnu.subscriptions.findings import Silent


@click.command()
@click.argument("shop", type=SHOP, required=False)
@json_option
def subscriptions(shop: str | None, as_json: bool) -> None:
    """Show what is not as it should be with the webhook subscriptions, of one shop or of all.

    Beat looks at each shop every SUBSCRIPTIONS_EVERY_SECONDS. Of what was created nothing is left
    to be done; silent is what has not come for far longer than it used to.

    Exit code 3: the shop was not looked at yet.
    """
    with open_store() as (_, store):
        every = audited(store, shop or "")
    if shop and not every:
        raise NotFound(f"the subscriptions of {shop} were not looked at yet")
    if as_json:
        show_json([_document(one) for one in every])
        return
    rows = [row for one in every for row in _rows(one)]
    if rows:
        show_table(("shop", "looked at", "topic", "what"), rows)
    else:
        say(f"nothing to tell of {len(every):,} shops")


def _rows(one: Audited) -> list[tuple[str, str, str, str]]:
    found = one.found
    told = [(topic, "was missing: created") for topic in found.created]
    told += [(refused.topic, f"missing: {refused.why}") for refused in found.refused]
    told += [(other.topic, f"sent to {other.address}") for other in found.elsewhere]
    told += [(topic, "subscribed to twice") for topic in found.doubled]
    told += [(quiet.topic, _silence(quiet)) for quiet in found.silent]
    return [(one.shop, _time(one.audited_at), topic, what) for topic, what in told]


def _silence(quiet: Silent) -> str:
    gap = duration(quiet.longest_gap_s)
    return f"silent since {_time(quiet.last_at)}; its longest gap was {gap}"


def _document(one: Audited) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(one.found)
    return {
        "shop": one.shop,
        "audited_at": _time(one.audited_at) or None,
        "due_at": _time(one.due_at),
        **built,
    }


def _time(at: Any) -> str:
    return "" if at is None else moment(int(at.timestamp() * 1000))
