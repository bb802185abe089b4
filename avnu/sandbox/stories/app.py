"""Stories about the app and its shops, privacy, and what Avnu does not follow."""

import math
from functools import partial

from avnu.sandbox import extras
from avnu.sandbox.day import Day
from avnu.sandbox.encoding import Payload
from avnu.sandbox.shops import location_payload, shop_payload


def unfollowed(day: Day) -> None:
    """Things that Avnu does not follow."""
    shop, topic = day.any_shop(), day.rng.choice(extras.UNROUTED)
    number = day.next_number(topic)
    day.lay(day.moment(), shop, topic, partial(extras.unrouted_payload, topic, shop, number))


def shop_settings(day: Day) -> None:
    """The merchant changes the shop's settings, or a location."""
    shop = day.any_shop()
    day.lay(day.moment(), shop, "shop/update", partial(shop_payload, shop))
    location = day.rng.choice(shop.locations)

    def write(at: float) -> Payload:
        return location_payload(shop, location, at)

    day.lay(day.moment(), shop, "locations/update", write)


def uninstall_and_return(day: Day) -> None:
    """A shop removes the app in the morning and installs it again in the afternoon."""
    shop = day.shops[-1]
    gone, back = day.moment(0.2, 0.3), day.moment(0.5, 0.6)
    day.lay(gone, shop, "app/uninstalled", partial(shop_payload, shop), always=True)
    day.lay(back, shop, "app/scopes_update", partial(extras.scopes_payload, shop), always=True)
    day.leave(shop, gone, back)


def uninstall_for_good(day: Day) -> None:
    """A shop removes the app; of one that went two days before the data must go today."""
    if len(day.shops) < 4 or day.number:
        return
    leaves, left = day.shops[-2], day.shops[-3]
    gone, redact = day.moment(0.6, 0.8), day.moment()
    day.lay(gone, leaves, "app/uninstalled", partial(shop_payload, leaves), always=True)
    day.leave(leaves, gone, math.inf)
    redaction = extras.shop_redact_payload(left)
    day.lay(redact, left, "shop/redact", lambda _at: redaction, always=True)
    day.leave(left, 0.0, math.inf)


def privacy(day: Day) -> None:
    """A customer asks what is stored; another's data must go."""
    shop = day.any_shop()
    asks = extras.data_request_payload(shop, day.next_number("customer"))
    goes = extras.customer_redact_payload(shop, day.next_number("customer"))
    day.lay(day.moment(), shop, "customers/data_request", lambda _at: asks, always=True)
    day.lay(day.moment(), shop, "customers/redact", lambda _at: goes, always=True)


def new_scopes(day: Day) -> None:
    """A merchant grants the app more."""
    shop = day.any_shop()
    day.lay(day.moment(), shop, "app/scopes_update", partial(extras.scopes_payload, shop))
