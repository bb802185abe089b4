"""``avnu shops budget SHOP``: the points of the Admin API that a shop has now."""

import click
import msgspec

from avnu.budget import Budget, BudgetPolicy
from avnu.cli.found import SHOP
from avnu.cli.guards_session import open_guards_server
from avnu.cli.output import json_option, show_facts, show_json, write
from avnu.keys import Keys


@click.command()
@click.argument("shop", type=SHOP)
@json_option
def budget(shop: str, as_json: bool) -> None:
    """Show the API points of SHOP: available, reserved by calls under way, and restored."""
    with open_guards_server() as (settings, client):
        policy = BudgetPolicy.of(settings)
        state = Budget(client, Keys(settings.avnu_namespace), policy).show(shop)
    if as_json:
        show_json(msgspec.structs.asdict(state))
        return
    if not state.known:
        write(f"{shop}: no answer of the last day told its budget; the first call will")
        return
    floor = state.capacity * policy.floor_percent / 100
    show_facts(
        {
            "shop": state.shop,
            "available": f"{state.available:.0f} of {state.capacity:.0f} points",
            "for bulk": f"{max(0.0, state.available - floor):.0f} points",
            "reserved": f"{state.reserved:.0f} points in {state.reservations} calls",
            "restored": f"{state.restore_rate:.0f} points per second",
            "trust": f"{state.trust:.0%} of that, after THROTTLED" if state.trust < 1 else "",
            "awaited": f"{state.awaited:.0f} points by a bulk call" if state.awaited else "",
        }
    )
