"""Every error that Avnu raises itself. Each part appends its own under its heading."""

from collections.abc import Sequence


class AvnuError(Exception):
    """The root: catching it catches what Avnu raised on purpose, and nothing else."""


# ---- ground


class SettingsInvalid(AvnuError):
    """One or more settings cannot be used. ``faults`` holds one line each, with what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("settings cannot be used:\n" + "\n".join(f"  {line}" for line in faults))
        self.faults = list(faults)


class UnsupportedServer(AvnuError):
    """The Redis server cannot be used by Avnu. ``reasons`` holds one line each, with what to do."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("server cannot be used:\n" + "\n".join(f"  {line}" for line in reasons))
        self.reasons = list(reasons)


class EmbeddedFailed(AvnuError):
    """The embedded server did not start, or its folder is in use; the message ends with its log."""


# ---- inbox


class InboxUnavailable(AvnuError):
    """The inbox cannot keep a webhook now: down, hung, read-only or full. The door answers 503."""


class InboxFull(InboxUnavailable):
    """The server's memory is above INBOX_FULL_PERCENT; what is kept drains, nothing is added."""


# ---- payloads


class Unreadable(AvnuError):
    """A payload is not what its topic promises; running it again cannot help, so: reject.

    The message names the struct and the field at fault, never a value.
    """


# ---- runs


class Park(AvnuError):
    """Raised by a handler whose shop must wait: no attempt is spent and no worker sleeps.

    ``cause`` is a short word for operators (``budget``, ``breaker``, ``frozen`` …); ``wait_s`` is
    how long, or None for the default that doubles from 5 s to 5 min.
    """

    def __init__(self, cause: str, wait_s: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.wait_s = wait_s


class HandlerFailed(AvnuError):
    """How a failed run shows in Flower and the logs: kind and place of the error, never a value."""


# ---- marketplace database, shops and tokens


class StoreUnavailable(AvnuError):
    """The marketplace's database does not answer now, or is locked; asking later may help."""


class StoreOutdated(AvnuError):
    """The database lacks tables or columns that this Avnu needs; the message says what to run."""


class UnknownShop(AvnuError):
    """The shop is not in the database: it was never added, or was removed."""

    def __init__(self, shop: str) -> None:
        super().__init__(f"{shop} is not in the database; avnu shops add, or avnu shops import")
        self.shop = shop


class ShopUnauthorised(AvnuError):
    """There is no token for the shop, and only the merchant can give a new one. Park it.

    ``reason`` is a sentence for the operator; it holds no token.
    """

    def __init__(self, shop: str, reason: str) -> None:
        super().__init__(f"{shop} has no usable token: {reason}")
        self.shop = shop
        self.reason = reason


class TokenUnavailable(AvnuError):
    """No live token just now, because refreshing it failed or is under way. Park for ``wait_s``."""

    def __init__(self, shop: str, reason: str, wait_s: float) -> None:
        super().__init__(f"{shop} has no live token just now: {reason}")
        self.shop = shop
        self.reason = reason
        self.wait_s = wait_s


class TokenUnreadable(AvnuError):
    """A stored token cannot be opened: its key is missing, or it was sealed for another place."""


class TokenExchangeFailed(AvnuError):
    """An exchange of a refresh token brought no pair, and may bring one later: outage, nonsense."""


class TokenRefused(TokenExchangeFailed):
    """Shopify says that this refresh token will never bring a pair again."""


# ---- guards


class BreakerOpen(AvnuError):
    """The breaker lets no call pass. Park; ``wait_s``: when asking again makes sense."""

    def __init__(self, name: str, wait_s: float) -> None:
        super().__init__(f"breaker {name} is open; ask again in {wait_s:.1f} s")
        self.wait_s = wait_s


# ---- sandbox


class UnknownTopic(AvnuError):
    """The sandbox has no template for a topic; the message names those that come near."""

    def __init__(self, topic: str, known: Sequence[str]) -> None:
        super().__init__(f"no template for topic {topic!r}; there is {', '.join(known)}")
        self.topic = topic


class UnknownPath(AvnuError):
    """A path does not lead to anything in a sample body; the message says what is there."""


# ---- receiver


class NotDurable(InboxUnavailable):
    """Webhooks are in the inbox, but disk or replica did not confirm them in time: 503."""


# ---- cache


class CacheEntryUnreadable(AvnuError):
    """What the cache holds is broken or of another release: treat it as not there."""


# ---- command line


class CheckFailed(AvnuError):
    """What a command was asked to check, or to do, did not hold. Exit code 1."""


class NotFound(AvnuError):
    """What a command was asked about is not there. Exit code 3."""


class CannotReach(AvnuError):
    """Redis, or the address a command was given, does not answer. Exit code 5."""
