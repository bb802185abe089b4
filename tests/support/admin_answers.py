"""An Admin API in memory: products with variants, and whatever else a test has it answer."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from avnu.shopify.admin import Admin
from avnu.shopify.answers import Reading
from avnu.shopify.calls import Calls
from avnu.shopify.query import Request, gid, number_of

SHOP = "one.myshopify.com"
LONG_AGO = "2026-06-01T12:00:00Z"

Answer = Callable[[Mapping[str, Any]], Any]


class Answers:
    """Stands for ``Calls``: a query by its name → what its variables are answered, or raised."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    @property
    def calls(self) -> Counter[str]:
        """How often each query was asked."""
        return Counter(name for name, _ in self.asked)

    def make(self, _shop: str, request: Request, _cls: object, _until_s: float) -> Reading:
        self.asked.append((request.name, msgspec.json.decode(request.body())["variables"]))
        given = self.answers[request.name](request.variables)
        if isinstance(given, Exception):
            raise given
        return Reading(data=msgspec.json.encode(given))

    def admin(self) -> Admin:
        return Admin(SHOP, cast("Calls", self), 60.0)


def page(rows: list[Any], first: int, after: str | None = None) -> dict[str, Any]:
    """A connection; the cursor is the place of its last row."""
    begin = 0 if after is None else int(after)
    end = min(len(rows), begin + first)
    info = {"hasNextPage": end < len(rows), "endCursor": str(end)}
    return {"nodes": rows[begin:end], "pageInfo": info}


def a_variant(number: int, position: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": gid("ProductVariant", number),
        "title": "Small",
        "position": position,
        "price": "12.50",
        "inventoryPolicy": "DENY",
        "taxable": True,
        "selectedOptions": [{"value": "Small"}],
        **changes,
    }


def a_product(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": gid("Product", number),
        "title": "Mug",
        "handle": "mug",
        "descriptionHtml": "",
        "vendor": "Pottery",
        "productType": "Kitchen",
        "status": "ACTIVE",
        "tags": [],
        "createdAt": LONG_AGO,
        "updatedAt": LONG_AGO,
        "variants": page([], 1),
        **changes,
    }


class Catalogue(Answers):
    """Products by id, each with so many variants; ``versions`` are their updated_at."""

    def __init__(self, variants: Mapping[int, int]) -> None:
        super().__init__(
            WholeProducts=lambda asked: self._nodes(asked, 6),
            WholeProductsWithMore=lambda asked: self._nodes(asked, 50),
            MoreVariants=self._more,
        )
        self.variants = dict(variants)
        self.versions: dict[int, str] = {}

    def _nodes(self, asked: Mapping[str, Any], first: int) -> Any:
        return {"nodes": [self._node(number_of(one), first) for one in asked["ids"]]}

    def _node(self, number: int, first: int) -> Any:
        if number not in self.variants:
            return None
        variants = page(self._variants(number), first)
        return a_product(number, updatedAt=self._version(number), variants=variants)

    def _more(self, asked: Mapping[str, Any]) -> Any:
        number = number_of(asked["id"])
        if number not in self.variants:
            return {"node": None}
        variants = page(self._variants(number), 250, asked["after"])
        return {"node": {"updatedAt": self._version(number), "page": variants}}

    def _version(self, number: int) -> str:
        return self.versions.get(number, LONG_AGO)

    def _variants(self, number: int) -> list[dict[str, Any]]:
        return [a_variant(10_000 * number + n, n + 1) for n in range(self.variants[number])]
