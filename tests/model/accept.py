"""``accept.lua``, without the replay guard and the limits of memory."""

from tests.model.places import partition_for, set_ready, wake
from tests.model.state import IDLE, LINE, PARKED, READY, Draft


def accept(d: Draft, w: int, partitions: int) -> None:
    """Store, join the line, make an idle shop ready; ``partitions`` as the receiver counts them."""
    s = d.plan.shop_of[w]
    shop = d.shops[s]
    d.webhook(w, at=LINE)
    d.count(accepted=1)
    d.shop(s, line=(*shop.line, w))
    p = partition_for(d, s, partitions)
    match d.options.arrival:
        case "first_in_line" if not shop.line:
            _append(d, s, p)
        case "by_hash" if not _stands_in(d, s, p) and shop.at != PARKED:
            set_ready(d, s, p)
        case "wakes_parked" if shop.at in (IDLE, PARKED):
            set_ready(d, s, p)
        case "by_place" if shop.at == IDLE:
            set_ready(d, s, p)


def _append(d: Draft, s: int, p: int) -> None:
    """Reading: a line that was empty means a shop that was idle."""
    if d.shops[s].at == IDLE:
        d.shop(s, at=READY, partition=p)
    d.partition(p, ready=(*d.partitions[p].ready, s))
    wake(d, p)


def _stands_in(d: Draft, s: int, p: int) -> bool:
    """Reading: is the shop ready or leased in the partition that the caller reckons?"""
    here = d.partitions[p]
    return s in here.ready or (here.lease is not None and s in here.lease.shops)
