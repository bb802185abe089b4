"""Several values in one go: between the ids of a caller and the keys of the cache."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from avnu.cache.asking import Loaded
from avnu.cache.kinds import CachedKind
from avnu.cache.local import Held, Key

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Many(Generic[K, T]):
    """What one ``get_many`` wants. A number and its text are one key, as for ``get``."""

    def __init__(
        self,
        kind: CachedKind[T],
        shop: str,
        wanted: Mapping[K, int | None] | Iterable[K],
        load: Callable[[Sequence[K]], Mapping[K, Loaded[T]]],
    ) -> None:
        self._load = load
        self._ids: dict[Key, list[K]] = {}
        self.least: dict[Key, int | None] = {}
        versions = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
        for id_, version in versions.items():
            key = (kind.name, shop, str(id_))
            self._ids.setdefault(key, []).append(id_)
            self.least[key] = max(self.least.get(key) or 0, version or 0) or None

    def loads(self, keys: Sequence[Key]) -> dict[Key, Loaded[T]]:
        """The caller's loader in the cache's terms: what it leaves out does not exist."""
        loaded = self._load([self._ids[key][0] for key in keys])
        nothing: Loaded[T] = Loaded(None)
        return {key: loaded.get(self._ids[key][0], nothing) for key in keys}

    def answer(self, found: Mapping[Key, Held]) -> dict[K, T | None]:
        """The values by the caller's ids."""
        values: dict[K, Any] = {
            id_: found[key].value for key, ids in self._ids.items() for id_ in ids
        }
        return values
