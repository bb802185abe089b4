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


class NotDurable(InboxUnavailable):
    """Webhooks are in the inbox, but disk or replica did not confirm them in time: 503."""


class InboxFull(InboxUnavailable):
    """The server's memory is above INBOX_FULL_PERCENT; what is kept drains, nothing is added."""


# ---- payloads


class Unreadable(AvnuError):
    """A payload is not what its topic promises; running it again cannot help, so: reject.

    The message names the struct and the field at fault, never a value.
    """


# ---- runs


class Park(AvnuError):
    """The shop must wait: no attempt is spent and no worker sleeps. Handlers may raise it.

    ``cause`` is a short word for operators (``budget``, ``breaker``, ``frozen`` …); ``wait_s`` is
    how long, or None for the default that doubles from 5 s to 5 min. What a handler uses and what
    cannot work just now raises one of its subclasses, so a handler need not know about it.
    """

    def __init__(self, cause: str, wait_s: float | None = None, message: str = "") -> None:
        super().__init__(message or cause)
        self.cause = cause
        self.wait_s = wait_s


class WaitsAlone(Park):
    """One webhook must wait, and its shop need not: it travels alone from now on, nothing spent."""

    def __init__(self, why: Park) -> None:
        super().__init__(why.cause, why.wait_s, str(why))


class LineTooLong(Park):
    """The shop has so many webhooks of the area waiting that comparing would only add to them."""

    def __init__(self, shop: str, area: str, waiting: int, wait_s: float) -> None:
        super().__init__("backlog", wait_s, f"{shop}: {waiting} webhooks of {area} wait")


class OutOfTime(Park):
    """What is left of the handler's time is too little for another call: the rest goes back."""

    def __init__(self) -> None:
        super().__init__("time", None, "the handler's time is nearly over")


class HandlerFailed(AvnuError):
    """How a failed run shows in Flower and the logs: kind and place of the error, never a value."""


# ---- marketplace database, shops and tokens


class StoreUnavailable(Park):
    """The marketplace's database does not answer now, or is locked; asking later may help."""

    def __init__(self, message: str) -> None:
        super().__init__("database", None, message)


class StoreOutdated(Park):
    """The database lacks tables or columns that this Avnu needs; the message says what to run."""

    def __init__(self, message: str) -> None:
        super().__init__("database", None, message)


class UnknownShop(Park):
    """The shop is not in the database: it was never added, or was removed."""

    def __init__(self, shop: str) -> None:
        message = f"{shop} is not in the database; avnu shops add, or avnu shops import"
        super().__init__("unauthorised", None, message)
        self.shop = shop


class ShopUnauthorised(Park):
    """There is no token for the shop, and only the merchant can give a new one.

    ``reason`` is a sentence for the operator; it holds no token.
    """

    def __init__(self, shop: str, reason: str) -> None:
        super().__init__("unauthorised", None, f"{shop} has no usable token: {reason}")
        self.shop = shop
        self.reason = reason


class ShopUninstalled(ShopUnauthorised):
    """The shop has removed the app. What waits for it is settled without effect, not parked."""

    def __init__(self, shop: str) -> None:
        super().__init__(shop, "it has uninstalled the app")


class TokenUnavailable(Park):
    """No live token just now, because refreshing it failed or is under way; wait ``wait_s``.

    ``platform``: Shopify did not answer, or with a 5xx; the breaker counts that.
    """

    wait_s: float

    def __init__(self, shop: str, reason: str, wait_s: float, *, platform: bool = False) -> None:
        super().__init__("token", wait_s, f"{shop} has no live token just now: {reason}")
        self.shop = shop
        self.reason = reason
        self.platform = platform


class TokenUnreadable(Park):
    """A stored token cannot be opened: its key is missing, or it was sealed for another place."""

    def __init__(self, message: str) -> None:
        super().__init__("token", None, message)


class TokenExchangeFailed(AvnuError):
    """An exchange of a refresh token brought no pair, and may bring one later: outage, nonsense.

    ``platform``: Shopify did not answer, or with a 5xx.
    """

    def __init__(self, message: str, *, platform: bool = False) -> None:
        super().__init__(message)
        self.platform = platform


class TokenRefused(TokenExchangeFailed):
    """Shopify says that this refresh token will never bring a pair again."""


# ---- guards


class BreakerOpen(Park):
    """The breaker lets no call pass; ``wait_s``: when asking again makes sense."""

    wait_s: float

    def __init__(self, name: str, wait_s: float) -> None:
        super().__init__("breaker", wait_s, f"breaker {name} is open; ask again in {wait_s:.1f} s")


class BudgetSpent(Park):
    """The shop's points do not suffice for the call; ``wait_s``: until they will."""

    wait_s: float

    def __init__(self, shop: str, wait_s: float) -> None:
        message = f"{shop} has no API points left; ask again in {wait_s:.1f} s"
        super().__init__("budget", wait_s, message)


# ---- calls of the Admin API: what came instead of an answer, and what follows. Those that are a
# Park make the shop wait; a CallRefused is the caller's own fault and spends an attempt.


class NoAnswer(AvnuError):
    """No whole HTTP answer came: no connection, a timeout, cut off, or too large.

    ``sent`` is False when the request cannot have arrived. ``late``: time ran out.
    """

    def __init__(self, message: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.late = late


class CallParked(Park):
    """A call came to nothing, for a reason that time, the merchant or an operator will mend."""

    CAUSE = "shopify"

    def __init__(self, shop: str, said: str, wait_s: float | None = None) -> None:
        super().__init__(self.CAUSE, wait_s, f"{shop}: {said}")
        self.shop = shop


class Throttled(CallParked):
    """THROTTLED or 429: the shop's bucket is empty; ``wait_s`` is what Shopify says."""

    CAUSE = "throttled"


class PlatformFault(CallParked):
    """5xx, a timeout, a broken connection: Shopify's trouble, and what the breaker counts.

    A mutation may have been carried out all the same; its idempotency key makes that harmless.
    """

    CAUSE = "platform"


class UnreadableAnswer(CallParked):
    """200 with something that is not an answer of the Admin API: broken JSON, a page, a gap."""

    CAUSE = "unreadable"


class ShopFrozen(CallParked):
    """402: the merchant has not paid Shopify. It ends when they do."""

    CAUSE = "frozen"


class ShopLocked(CallParked):
    """423: Shopify has locked the shop, for too many calls or for fraud. Look into it."""

    CAUSE = "locked"


class TokenRejected(CallParked):
    """401 to a token that should be good; a refresh follows before anybody hears of this."""

    CAUSE = "unauthorised"


class ShopForbidden(CallParked):
    """403, or ACCESS_DENIED: the merchant has not granted a scope, or Shopify protects the data."""

    CAUSE = "forbidden"


class ShopNotFound(CallParked):
    """404: there is no such shop, or it was renamed or closed."""

    CAUSE = "not found"


class SecurityRejected(CallParked):
    """430: Shopify's security has taken the request for an attack. Look into it."""

    CAUSE = "security"


class ReadOvertaken(AvnuError):
    """What is read page by page changed meanwhile, or was deleted: it is read from its start."""

    def __init__(self, shop: str, query: str) -> None:
        super().__init__(f"{shop}: the pages of {query} are not of one version")


class CallRefused(AvnuError):
    """The call itself is wrong, and would be tomorrow: a bad query, too dear, a bad value."""

    def __init__(self, shop: str, said: str) -> None:
        super().__init__(f"{shop}: {said}")
        self.shop = shop


class TooDear(CallRefused):
    """MAX_COST_EXCEEDED: the query asks for more points than any shop is given."""


class UserErrors(CallRefused):
    """A mutation was understood and not carried out. ``errors``: field and message of each."""

    def __init__(self, shop: str, errors: Sequence[tuple[str, str]]) -> None:
        said = "; ".join(f"{field}: {message}" if field else message for field, message in errors)
        super().__init__(shop, said)
        self.errors = tuple(errors)


# ---- sandbox


class UnknownTopic(AvnuError):
    """The sandbox has no template for a topic; the message names those that come near."""

    def __init__(self, topic: str, known: Sequence[str]) -> None:
        super().__init__(f"no template for topic {topic!r}; there is {', '.join(known)}")
        self.topic = topic


class UnknownPath(AvnuError):
    """A path does not lead to anything in a sample body; the message says what is there."""


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
