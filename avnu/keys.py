"""Every Redis key Avnu uses, made here and nowhere else.

A *ref* names one webhook: ``<shop>/<webhook id>``. A *part* names one partition:
``<area>/<number>``. In keys a shop is its name without ``.myshopify.com``: it cannot hold a
slash, so both read unambiguously, and a key is 14 bytes shorter.

To add a key: add a row to the table of its database; Lua reaches it as ``K.<name>``, Python as
``Keys.of("<name>", suffix)``, without a suffix where ``takes`` is empty.
"""

import msgspec

SHOP_SUFFIX = ".myshopify.com"


class KeyRow(msgspec.Struct, frozen=True):
    """One family of keys: ``suffix`` follows the namespace; ``takes`` is what is appended."""

    name: str
    suffix: str
    redis_type: str
    takes: str
    meaning: str


INBOX_KEYS: tuple[KeyRow, ...] = (
    KeyRow(
        "record", "w:", "string", "ref", "a webhook: '<accepted_ms>\\t…\\n<body>', settled '=…'"
    ),
    KeyRow("trouble", "t:", "hash", "ref", "state of a webhook that travels alone, or is dead"),
    KeyRow("body", "b:", "string", "ref", "body of a settled webhook, kept on request"),
    KeyRow("guard", "g:", "hash", "<period>:<bucket>", "replay guards: MAC → shop, topics, counts"),
    KeyRow("line", "l:", "list", "<area>/<shop>", "webhook ids of a shop, oldest first"),
    KeyRow("place", "s:", "hash", "area", "where each shop of the area stands"),
    KeyRow("ready", "r:", "list", "part", "shops that wait for a turn"),
    KeyRow("part", "p:", "hash", "part", "wake number and lease of a partition"),
    KeyRow("work", "work", "set", "", "parts with work: the wake-up mark"),
    KeyRow("control", "control", "hash", "", "time offset, last tick, full, pauses"),
    KeyRow("counts", "counts", "hash", "", "counters that only grow"),
    KeyRow("token", "token", "string", "", "the lease token counter, never reset"),
    KeyRow("solo", "solo", "zset", "", "ref by the ms when its task is due or due again"),
    KeyRow("replays", "replays", "zset", "", "same, of dead letters replayed: after all others"),
    KeyRow("suspects", "suspects", "zset", "", "same, of suspects: one runs at a time"),
    KeyRow("stopped", "stopped", "zset", "", "solo refs set aside by a pause"),
    KeyRow("running", "running", "zset", "", "ref by the ms when its lease ends"),
    KeyRow("suspect", "suspect", "string", "", "ref of the suspect that runs now"),
    KeyRow("parked", "parked", "zset", "", "<area>/<shop> by the ms when it unparks"),
    KeyRow("dead", "dead", "zset", "", "ref by the ms of its death"),
    KeyRow("held", "h:", "list", "<area>/<shop>", "ids of webhooks of paused topics, oldest first"),
    KeyRow(
        "holders", "holders", "hash", "", "<area>/<shop> with held webhooks -> partition number"
    ),
    KeyRow(
        "releasing", "releasing", "set", "", "<area>/<shop> whose held webhooks go back in line"
    ),
    KeyRow("paused", "paused", "set", "", "'area:x', 'topic:x', 'shop:x' that are paused"),
    KeyRow("probe", "probe", "string", "", "written, read and deleted by health checks"),
    KeyRow(
        "heard", "heard", "hash", "", "when Shopify, beat and its canary were last heard of: ms"
    ),
    KeyRow(
        "ticking", "ticking", "hash", "", "worker -> '<ms> <processes> <queues>' of its last tick"
    ),
    KeyRow("found", "found", "string", "", "what the monitor found and keeps, as JSON"),
    KeyRow("looking", "looking", "string", "", "the monitor that looks, or has just now; expires"),
    KeyRow(
        "searched", "searched", "hash", "", "how far late bodies were looked for: 'dead', 'kept'"
    ),
    KeyRow("acts", "acts", "stream", "", "what operators did: who, host, what, of, ended"),
)

# DB 0. No name is taken twice over all tables.
GUARD_KEYS: tuple[KeyRow, ...] = (
    KeyRow("guards_offset", "guards_offset", "string", "", "ms added to the server's time; tests"),
    KeyRow(
        "breakers", "breakers", "set", "", "names of the breakers that ever opened or were forced"
    ),
    KeyRow(
        "breaker", "brk:", "hash", "name", "state, generation, openings and override of a breaker"
    ),
    KeyRow(
        "breaker_window", "brkw:", "hash", "name", "'<second>+' and '<second>-': good, bad calls"
    ),
    KeyRow("breaker_seen", "brks:", "zset", "name", "shop by the ms of its last call that counts"),
    KeyRow("breaker_bad", "brkb:", "zset", "name", "the same, of shops whose last call was bad"),
    KeyRow("breaker_probes", "brkp:", "hash", "name", "permits and votes of one half-open window"),
    KeyRow(
        "breaker_batches", "brki:", "zset", "name", "id of a batch of outcomes by ms: counted once"
    ),
    KeyRow("budget", "bgt:", "hash", "shop", "estimate, capacity, rate; 'r<id>' a reservation"),
    KeyRow(
        "budget_leases", "bgtl:", "zset", "shop", "id of a reservation by the ms when it lapses"
    ),
    KeyRow("budget_costs", "bgtc", "hash", "", "query → points it asks for, as learnt"),
    KeyRow("api_counts", "apic", "hash", "", "calls by what came of them; 'points' spent"),
    KeyRow("deprecated", "apid:", "string", "digest", "a deprecation that was told of, for a day"),
)

CACHE_KEYS: tuple[KeyRow, ...] = (
    KeyRow(
        "cache_entry", "ce:", "string", "<kind>/<shop>/<id>", "'<heading>\\n<value>', may expire"
    ),
    KeyRow("cache_lease", "cl:", "string", "<kind>/<shop>/<id>", "who loads it, or 'failed'"),
    KeyRow("cache_marks", "cm:", "hash", "shop", "epoch, seq; '#<tag>': its last invalidation"),
    KeyRow("cache_counts", "cc", "hash", "", "'<kind> <outcome>': counters that only grow"),
    KeyRow("cache_channel", "cx", "channel", "", "invalidations, published to every process"),
)

TABLES: tuple[tuple[KeyRow, ...], ...] = (INBOX_KEYS, GUARD_KEYS, CACHE_KEYS)


def short(shop: str) -> str:
    """``name.myshopify.com`` → ``name``, as keys hold it."""
    return shop.removesuffix(SHOP_SUFFIX)


def domain(name: str) -> str:
    """``name`` → ``name.myshopify.com``, as everybody else knows it."""
    return name + SHOP_SUFFIX


def ref(shop: str, webhook_id: str) -> str:
    """The name of one webhook inside the inbox; ``shop`` with or without its suffix."""
    return f"{short(shop)}/{webhook_id}"


def split_ref(value: str) -> tuple[str, str]:
    """The shop's full domain and the webhook id of a ref."""
    name, _, webhook_id = value.partition("/")
    return domain(name), webhook_id


class Keys:
    """The keys of one namespace: one deployment, one Shopify app."""

    def __init__(self, namespace: str) -> None:
        self.prefix = f"{namespace}:"
        self._suffix = {row.name: row.suffix for table in TABLES for row in table}

    def of(self, name: str, suffix: str = "") -> str:
        """The key of family ``name``, e.g. ``of("line", "orders/one-shop")``."""
        return f"{self.prefix}{self._suffix[name]}{suffix}"

    def all(self) -> dict[str, str]:
        """Every family with its key or prefix, as the scripts are rendered with them."""
        return {name: f"{self.prefix}{suffix}" for name, suffix in self._suffix.items()}
