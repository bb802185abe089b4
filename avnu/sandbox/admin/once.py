"""What ``@idempotent`` remembers: the result of each key, and the input that it came from.

Facts (shopify.dev, "Idempotent requests", 2026): a repeat with the same parameters gets the result
of the first; other parameters under the same key are refused. Shopify forgets a key after 24 hours.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

#: Keys kept per shop; the oldest go first.
MOST_KEYS = 10_000


class KeyMismatch(Exception):
    """The key was used before, with other parameters."""


class Once:
    """The keys of one shop. Safe to use from several threads."""

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._results: OrderedDict[str, tuple[bytes, Any]] = OrderedDict()

    def run(self, key: str, parameters: bytes, act: Callable[[], Any]) -> Any:
        """The result of ``act`` for this key, which runs once; raises KeyMismatch.

        An ``act`` that raises leaves nothing behind. One at a time, so that a repeat which comes
        while the first still runs waits for its result.
        """
        with self._lock:
            if key in self._results:
                before, result = self._results[key]
                if before != parameters:
                    raise KeyMismatch
                return result
            result = act()
            self._results[key] = (parameters, result)
            if len(self._results) > self._most:
                self._results.popitem(last=False)
            return result
