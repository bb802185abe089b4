"""What happens in shops on a day. To add a story: write a function beside its like (``products``,
``stock``, ``orders``, ``app``), and give it a row in RARE or STORIES.
"""

from collections.abc import Callable

from avnu.sandbox.day import Day
from avnu.sandbox.stories import app, orders, products, stock

#: Half of a day's webhooks come from bulk edits, most of those from one.
BULK_SHARE = 0.5


def fill(day: Day, count: int) -> None:
    """Lay ``count`` webhooks: one of each rare story, the bulk edits, then daily life."""
    first = len(day.steps)
    for rare in RARE:
        rare(day)
    products.bulk_edits(day, int(count * BULK_SHARE))
    stories, weights = zip(*STORIES, strict=True)
    while (begin := len(day.steps)) - first < count:
        day.rng.choices(stories, weights)[0](day)
        if len(day.steps) - first > count:
            # Half a story would leave a shop that its webhooks do not describe.
            del day.steps[begin:]
            app.unfollowed(day)
    del day.steps[first + count :]


#: At least once a day each, however short the day: a few webhooks.
RARE: tuple[Callable[[Day], None], ...] = (
    app.uninstall_and_return,
    app.uninstall_for_good,
    app.privacy,
    app.new_scopes,
    app.shop_settings,
    app.unfollowed,
    products.large_product,
    products.short_life,
    products.other_variants,
    products.twice_in_a_second,
    stock.restocked_elsewhere,
    stock.another_cost,
    stock.place_opened_and_closed,
    orders.paid_at_once,
    orders.deleted,
)

#: Daily life, with how often each is drawn.
STORIES: tuple[tuple[Callable[[Day], None], float], ...] = (
    (orders.order_life, 50),
    (stock.stock_count, 10),
    (products.product_life, 8),
    (app.unfollowed, 30),
    (app.shop_settings, 1),
    (app.privacy, 1),
    (app.new_scopes, 1),
    (products.short_life, 4),
    (products.other_variants, 2),
    (products.twice_in_a_second, 1),
    (stock.restocked_elsewhere, 2),
    (stock.another_cost, 2),
    (stock.place_opened_and_closed, 0.3),
    (orders.paid_at_once, 2),
    (orders.deleted, 2),
)
