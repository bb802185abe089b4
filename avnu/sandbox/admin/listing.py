"""All resources of one kind in order: by id, and by the time of their last change."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from avnu.sandbox.admin.pages import page
from avnu.sandbox.admin.search import Fields, Term, read_terms
from avnu.sandbox.admin.source import Source


class Row(NamedTuple):
    """A resource in a listing."""

    updated_at: int  # whole unix seconds
    id: int


class Listing:
    """One kind. Made anew after a change: 20 ms for 20,000 resources."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = sorted(rows)  # by the time of the change, then by id
        self.ids = sorted(row.id for row in self.rows)

    def since(self, moment: float | None) -> Sequence[Row]:
        """What changed at or after a moment (None: all), the oldest change first."""
        return self.rows if moment is None else self.rows[self._place(int(moment)) :]

    def page(self, args: dict[str, Any], fields: Fields, make: Callable[[int], Source]) -> Source:
        """The page that a connection's ``args`` ask for: of ``query``, in order of ``sortKey``."""
        by_change = args.get("sortKey") == "UPDATED_AT"
        query = args.get("query")
        if query:
            found = self._matching(read_terms(query, fields))
            keys: Sequence[Any] = found if by_change else sorted(row.id for row in found)
        else:
            keys = self.rows if by_change else self.ids
        if by_change:
            return page(keys, lambda row: make(row[1]), args, by_change=True)
        return page(keys, make, args)

    def _matching(self, terms: Sequence[Term]) -> Sequence[Row]:
        begin, end = 0, len(self.rows)
        for term in terms:
            if term.field == "updated_at":
                least, beyond = _bounds(term)
                begin = max(begin, self._place(least))
                end = min(end, self._place(beyond))
        others = [term for term in terms if term.field != "updated_at"]
        found = self.rows[begin:end]
        return [row for row in found if all(term.holds(row.id) for term in others)]

    def _place(self, moment: float) -> int:
        return bisect_left(self.rows, (moment,))


def _bounds(term: Term) -> tuple[float, float]:
    """The first second that a term on ``updated_at`` allows, and the first that it does not."""
    at = term.wanted
    return {
        ">=": (at, float("inf")),
        ">": (at + 1, float("inf")),
        "<": (0, at),
        "<=": (0, at + 1),
        "": (at, at + 1),
    }[term.operator]
