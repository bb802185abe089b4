"""How ``avnu redis`` prints what it found."""

from collections.abc import Sequence

import msgspec

from avnu.cli.output import duration, moment, printable, say, show_table, size, write
from avnu.servers.glance import Glance
from avnu.servers.sampling import Sample
from avnu.servers.slow import Slow

_MOST_ERRORS = 5


class Looked(msgspec.Struct):
    """What one role's server told. ``fault``: it cannot be reached; ``refused``: may not be asked.

    ``slow`` is empty for a role whose server was shown with another.
    """

    role: str
    database: int
    server: str
    fault: str = ""
    refused: list[str] = []
    info: Glance | None = None
    sample: Sample | None = None
    slow: list[Slow] = []


def show(looked: Sequence[Looked]) -> None:
    """One table of servers, then for each database its families and its largest keys."""
    found = [(one, one.info) for one in looked if one.info]
    if found:
        columns = [_column(one, info) for one, info in found]
        rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
        show_table(("", *(one.role for one, _ in found)), rows)
    for one in looked:
        if one.sample:
            _families(one, one.sample)
    for one in looked:
        if one.slow:
            write(f"slow commands of {one.server}")
            show_table(
                ("when", "ms", "command", "what", "client"),
                [
                    (
                        moment(slow.at_s * 1000),
                        f"{slow.took_ms:.1f}",
                        slow.command,
                        slow.what,
                        slow.client,
                    )
                    for slow in one.slow
                ],
            )
        if one.refused:
            say(f"{one.role}: this user may not ask {', '.join(one.refused)}")


def _column(one: Looked, info: Glance) -> dict[str, str]:
    expiring = f", {100 * info.expiring / info.keys:.0f} % expire" if info.keys else ""
    return {
        "server": f"{one.server}, database {one.database}",
        "version": f"{info.product} {info.version}, up {duration(info.uptime_s)}",
        "role": info.server_role
        + {None: "", True: ", link up", False: ", LINK DOWN"}[info.link_ok],
        "memory": _of(info.memory_used_bytes, info.memory_max_bytes),
        "policy": info.policy,
        "clients": f"{info.clients} of {info.clients_max or '?'}, {info.clients_blocked} blocked",
        "commands/s": f"{info.ops_per_s:,}",
        "hit ratio": "" if info.hit_percent is None else f"{info.hit_percent:.1f} %",
        "evicted": f"{info.evicted:,}",
        "persistence": info.persistence + ("" if info.persistence_ok else ", LAST WRITE FAILED"),
        "replicas": ", ".join(f"{r.address} {r.state}, lag {r.lag_s} s" for r in info.replicas)
        or "none",
        "errors": _errors(info.errors),
        "keys": f"{info.keys:,}{expiring}",
    }


def _of(used: int, most: int) -> str:
    if not most:
        return f"{size(used)}, no maxmemory"
    return f"{size(used)} of {size(most)}, {100 * used / most:.0f} %"


def _errors(errors: dict[str, int]) -> str:
    first = list(errors.items())[:_MOST_ERRORS]
    more = ", …" if len(errors) > _MOST_ERRORS else ""
    return ", ".join(f"{printable(name)} {n:,}" for name, n in first) + more or "none"


def _families(one: Looked, sample: Sample) -> None:
    if not sample.families:
        return
    about = "" if sample.complete else "~"
    write(f"{one.role}, database {one.database}: {sample.seen:,} of {sample.keys:,} keys seen")
    show_table(
        ("family", "keys", "memory", "each", "expire", "in use", "holds"),
        [
            (
                family.name,
                f"{about if family.keys != family.seen else ''}{family.keys:,}",
                "?" if family.total_bytes is None else size(family.total_bytes),
                "?" if family.mean_bytes is None else size(family.mean_bytes),
                f"{family.expiring_percent:.0f} %",
                "?" if family.in_use_percent is None else f"{family.in_use_percent:.0f} %",
                family.meaning,
            )
            for family in sample.families
        ],
    )  # fmt: skip
    largest = ", ".join(f"{printable(big.key)} {size(big.size_bytes)}" for big in sample.big[:3])
    if largest:
        write(f"largest: {largest}")
