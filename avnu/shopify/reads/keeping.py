"""Keeps pages in the cache, where the next run finds them, also in another process."""

from collections.abc import Callable

from avnu.cache import Cache, Loaded, kinds, values
from avnu.shopify.admin import Admin
from avnu.shopify.reads.pages import Keep


def keeper(cache: Cache, admin: Admin) -> Keep:
    """For the shop of ``admin``. Without Redis each process keeps its own."""

    def keep(name: str, load: Callable[[], bytes]) -> bytes:
        page = cache.get(
            kinds.PAGE,
            admin.shop,
            name,
            lambda: Loaded(values.Page(content=load())),
            until_s=admin.until_s,
        )
        return b"" if page is None else page.content

    return keep
