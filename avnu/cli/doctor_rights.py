"""The part of ``avnu doctor`` about what the Redis user may do."""

from collections.abc import Iterator

from redis.exceptions import RedisError

from avnu.connection_options import DATABASES, database
from avnu.connections import Connections
from avnu.errors import UnsupportedServer
from avnu.health.check import Check, failed, ok
from avnu.health.facts import Facts, Unreached
from avnu.keys import Keys
from avnu.server_check import fault_and_todo
from avnu.settings import Settings
from avnu.start_check import check_scripts


def rights_checks(
    settings: Settings, connections: Connections, facts: Facts, names: Keys
) -> Iterator[Check]:
    """Whether the user may run scripts, in each role's database that answers."""
    for role in DATABASES:
        if isinstance(facts.servers[role.value], Unreached):
            continue
        name = f"rights in {role.value} database {database(settings, role)}"
        try:
            check_scripts(connections.of(role), names.of("probe", ":rights"))
        except UnsupportedServer as fault:
            for reason in fault.reasons:
                what, todo = fault_and_todo(reason)
                yield failed(name, what, "receivers and workers end at their start", todo)
        except (RedisError, OSError):
            continue  # full, a replica, gone meanwhile: said by the monitor's checks
        else:
            yield ok(name, "the user may run scripts")
