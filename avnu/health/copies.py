"""What would be left of a server that crashes: the checks of its disk and of its replicas. Pure."""

from collections.abc import Mapping, Sequence

from avnu.health.check import Check, failed, ok, warning
from avnu.health.servers import ServerState
from avnu.servers.glance import Glance
from avnu.settings import Durability, Settings

# Whoever took a replica away on purpose is not warned of it for longer.
_OF_LATE_MS = 86_400_000
# A replica is heard of every second; Redis' own min-replicas-max-lag stops counting one after this.
_LAG_S = 10

OnlineBefore = Mapping[str, Sequence[int]]
"""By role, when one replica was last online, when two were, and so on: ms, none older than a day.

Not their number alone: after a day with one fewer, that is how many there are.
"""


def online_of_late(before: OnlineBefore, role: str, now_ms: int) -> Sequence[int]:
    """Of one role, what is not too old by now."""
    return [at_ms for at_ms in before.get(role, ()) if now_ms - at_ms <= _OF_LATE_MS]


def online_after(
    before: OnlineBefore, servers: Mapping[str, object], now_ms: int
) -> dict[str, list[int]]:
    """What is known now. A server that does not answer says nothing of its replicas."""
    after = {}
    for role in before.keys() | servers.keys():
        state, seen = servers.get(role), online_of_late(before, role, now_ms)
        now = len(state.glance.online) if isinstance(state, ServerState) else 0
        after[role] = [*[now_ms] * now, *seen[now:]]
    return after


def persistence_check(name: str, state: ServerState, settings: Settings) -> Check:
    """Whether what was acknowledged outlives the process; of the inbox's server."""
    told, durability = state.glance, settings.inbox_durability
    if not told.persistence_ok:
        return failed(
            name, f"{told.persistence}; the last writing failed",
            "what was acknowledged since is lost when the server crashes",
            "look for a full disk and into the server's log",
        )  # fmt: skip
    if state.append_only:
        return ok(name, f"append-only file, INBOX_DURABILITY={durability}")
    found = f"no append-only file, INBOX_DURABILITY={durability}"
    if durability is Durability.REPLICA and told.online:
        return ok(name, f"{found}, {_counted(told)}")
    return warning(
        name, found,
        "what was acknowledged since the last snapshot is lost when the server crashes",
        "set appendonly yes on the server; where that cannot be had, INBOX_DURABILITY=replica "
        "with a replica",
    )  # fmt: skip


def replication_check(
    name: str, told: Glance, of_late: int, settings: Settings, *, cache: bool
) -> Check:
    """Replicas that are up to date, against how many there were of late, at most."""
    if told.server_role != "primary":
        return failed(
            name, "this is a replica, which takes no writes", "nothing can be kept on it",
            "point REDIS_HOST at the primary, or use Sentinel",
        )  # fmt: skip
    found, online = _counted(told), told.online
    waits = settings.inbox_durability is Durability.REPLICA and not cache
    if waits and len(online) < settings.inbox_durability_replicas:
        return failed(
            name, found, "INBOX_DURABILITY=replica: every delivery is answered 503",
            "bring a replica up, or set another INBOX_DURABILITY knowingly",
        )  # fmt: skip
    if len(online) < of_late:
        return warning(
            name, f"{found}; {of_late - len(online)} fewer than in the last day",
            "a failover may find none that is up",
            "look for it: avnu redis, and the log of the replica",
        )  # fmt: skip
    behind = [f"{one.address} for {one.lag_s} s" for one in online if one.lag_s > _LAG_S]
    if behind:
        return warning(
            name, f"{found}; not heard of: {', '.join(behind)}",
            "a failover to it loses what it was not sent",
            "look for a slow network or disk: avnu redis, and the log of the replica",
        )  # fmt: skip
    return ok(name, found)


def _counted(told: Glance) -> str:
    if not told.replicas:
        return "no replica"
    return f"{len(told.online)} of {len(told.replicas)} replicas online"
