"""What a resolver returns for an object."""

from collections.abc import Callable
from typing import Any

#: Its fields by their names in the schema; what costs something to make may be a function without
#: arguments.
Source = dict[str, Any]


class Lazy(Source):
    """An object whose other fields are made when the first of them is asked for."""

    def __init__(self, known: Source, rest: Callable[[], Source]) -> None:
        super().__init__(known)
        self._rest = rest

    def __missing__(self, name: str) -> Any:
        self.update(self._rest())
        return self.get(name)
