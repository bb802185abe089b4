"""How ``avnu sizing`` prints what was reckoned: to two digits, as nothing behind it has more."""

import math

from avnu.cli.output import show_facts, show_table, write
from avnu.sizing.answer import Answer, Need
from avnu.sizing.memory import GB, LONGEST_HOURS, Memory

_PARTS = ("backlog", "settled", "cached", "maxmemory", "machine")


def show(found: Answer) -> None:
    """Memory, outage, work and points; then what stands behind them."""
    load = found.load
    write(
        f"{load.shops:,} merchants, {load.rate:g} webhooks/s for {load.peak_minutes:g} min a day, "
        f"{rounded(found.webhooks_per_day)} webhooks a day\n"
    )
    write(f"memory, if no worker is up for {found.backlog_hours:g} h")
    show_table(
        ("payload", *_PARTS),
        [(amount(one.load.payload_bytes), *_memory(one.memory)) for one in _payloads(found)],
    )
    write("memory of other numbers of merchants that are as busy, beside the rule of thumb")
    show_table(
        ("merchants", "webhooks/s", *_PARTS, "rule of thumb"),
        [
            (f"{one.load.shops:,}", rounded(one.load.rate), *_memory(one.memory), one.beside)
            for one in found.by_shops
        ],
    )
    write("how long the workers may be down, by the machine's memory")
    show_table(
        [f"{gb} GB" for gb in found.outage_hours],
        [[_hours(hours) for hours in found.outage_hours.values()]],
    )
    _work(found)
    _points(found)
    write("measured\n" + "\n".join(f"  {line}" for line in found.measured))
    write("assumed\n" + "\n".join(f"  {line}" for line in found.assumed))


def _payloads(found: Answer) -> list[Need]:
    asked = Need(found.load, found.memory)
    others = [one for one in found.by_payload if one.load != found.load]
    return sorted([asked, *others], key=lambda one: one.load.payload_bytes)


def _memory(memory: Memory) -> tuple[str, ...]:
    machine = memory.machine_gb
    return (
        amount(memory.backlog_bytes),
        amount(memory.settled_bytes),
        amount(memory.cached_bytes),
        amount(memory.maxmemory_bytes),
        f"{machine} GB" if machine else f"{amount(memory.machine_bytes)}: deploy/cells.md",
    )


def _work(found: Answer) -> None:
    servers = found.servers
    receivers = f"{servers.receivers} processes, {rounded(servers.receiver_cores)} cores busy"
    show_facts({"receivers": receivers})
    write(
        "\nworkers: a webhook in time is believed, a late one makes its handler ask Shopify, for "
        "many at once or for each"
    )
    show_table(
        ("handlers", "webhooks", "cores busy", "processes", "workers", "INBOX_PARTITIONS",
         "core of Redis", "cells"),
        [
            (
                one.name, one.following, rounded(one.cores), f"{one.processes:,}",
                f"{one.workers:,}", f"{one.partitions:,}", percent(100 * one.redis_cores),
                f"{one.cells:,}",
            )
            for one in found.work
        ],
    )  # fmt: skip
    if any(one.cells > 1 for one in found.work):
        write("more cells than one: one core of Redis would be too busy, see deploy/cells.md\n")


def _points(found: Answer) -> None:
    plans = list(found.points[0].day_percent)
    write("points of the Admin API: of one shop in a day, and of one shop that sends everything")
    show_table(
        ("webhooks", "points a day", *plans, *(f"{plan}, flood" for plan in plans)),
        [
            (
                one.following,
                rounded(one.per_shop_day),
                *(percent(one.day_percent[plan]) for plan in plans),
                *(percent(one.flood_percent[plan]) for plan in plans),
            )
            for one in found.points
        ],
    )


def amount(n_bytes: float) -> str:
    """Decimal units, as memory is sold: ``3 kB``, ``120 MB``, ``1.2 GB``."""
    for unit, of in (("GB", GB), ("MB", 1_000_000), ("kB", 1_000)):
        if n_bytes >= of:
            return f"{rounded(n_bytes / of)} {unit}"
    return f"{rounded(n_bytes)} B"


def rounded(number: float) -> str:
    """Two digits that mean something, the rest is zeros: ``0.013``, ``1.2``, ``86``, ``1,200``."""
    if number == 0:
        return "0"
    places = 1 - math.floor(math.log10(abs(number)))
    value = round(number, places)
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.{max(0, places)}f}".rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """``under 0.1 %``, ``0.4 %``, ``12 %``."""
    return "under 0.1 %" if 0 < share < 0.1 else f"{rounded(share)} %"


def _hours(hours: float) -> str:
    if hours >= LONGEST_HOURS:
        return "over 7 d"
    if hours == 0:
        return "too small"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{rounded(hours)} h"
