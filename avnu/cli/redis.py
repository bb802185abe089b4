"""``avnu redis``: each server at a glance, its keys by family, its slow commands."""

from collections.abc import Mapping
from typing import Any

import click
import msgspec
from redis.exceptions import NoPermissionError, RedisError

from avnu.cli.output import json_option, show_json
from avnu.cli.redis_tables import Looked, show
from avnu.cli.session import place
from avnu.clock import SystemClock
from avnu.connection_options import DATABASES, Role, database, on_own_server
from avnu.connections import Connections
from avnu.errors import CannotReach
from avnu.keys import Keys
from avnu.servers.families import Naming
from avnu.servers.glance import glance
from avnu.servers.sampling import sample
from avnu.servers.slow import Slow, slow_log
from avnu.settings import Settings, load_settings

# How long one database may be looked at.
_LONGEST_S = 5.0


@click.command()
@click.option(
    "--keys",
    "most_keys",
    type=click.IntRange(0, 1_000_000),
    default=10_000,
    show_default=True,
    help="Keys to look at in each database; 0 for none.",
)
@click.option(
    "--slow",
    "most_slow",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="Slow commands to show of each server; 0 for none.",
)
@json_option
def redis(most_keys: int, most_slow: int, as_json: bool) -> None:
    """Show each server at a glance, its keys by family, and its slow commands.

    Looks only, at a sample of the keys: safe with millions of them. Needs neither CONFIG nor KEYS;
    what this user may not ask is left out, and said so. Estimates are marked with ~.
    """
    settings = load_settings()
    connections = Connections(settings)
    try:
        looking = _Looking(settings, connections)
        looked = [looking.look(role, most_keys, most_slow) for role in DATABASES]
    finally:
        connections.close()
    if as_json:
        show_json({"roles": msgspec.to_builtins(looked)})
    else:
        show(looked)
    faults = [f"{one.role} at {one.server}: {one.fault}" for one in looked if one.fault]
    if faults:
        raise CannotReach("; ".join(faults))


class _Looking:
    def __init__(self, settings: Settings, connections: Connections) -> None:
        # Late: Celery takes longer to import than most commands take.
        from avnu.app import QUEUES

        self._settings = settings
        self._connections = connections
        self._clock = SystemClock()
        self._naming = Naming(Keys(settings.avnu_namespace), QUEUES)

    def look(self, role: Role, most_keys: int, most_slow: int) -> Looked:
        """All of one role. What cannot be reached or may not be asked is told, not raised."""
        looked = Looked(role.value, database(self._settings, role), self._server(role))
        try:
            self._fill(looked, role, most_keys, most_slow)
        except (RedisError, OSError) as fault:
            looked.fault = f"{type(fault).__name__}: {fault}"
        return looked

    def _fill(self, looked: Looked, role: Role, most_keys: int, most_slow: int) -> None:
        client: Any = self._connections.of(role)
        client.ping()
        policy = ""
        try:
            looked.info = glance(client.info(), looked.database)
            policy = looked.info.policy
        except NoPermissionError:
            looked.refused.append("INFO")
        # Before the keys are looked at, which would be in it. Queue and inbox have one server.
        if most_slow and role is not Role.QUEUE and not self._shares(role):
            try:
                looked.slow = self._slow(client, most_slow)
            except NoPermissionError:
                looked.refused.append("SLOWLOG")
        if most_keys:
            looked.sample = sample(
                client, self._naming, self._clock,
                policy=policy, most_keys=most_keys, most_s=_LONGEST_S,
            )  # fmt: skip
            looked.refused += looked.sample.refused

    def _slow(self, client: Any, most: int) -> list[Slow]:
        # The raw answer, by the two words apart: redis-py's own joins a command's arguments, and a
        # body may hold spaces.
        entries = client.execute_command("SLOWLOG", "GET", most)
        return slow_log(entries, self._scripts(), self._naming)

    def _scripts(self) -> Mapping[bytes, str]:
        from avnu.app import build_inbox
        from avnu.lua import NAMES

        scripts = build_inbox(self._settings, self._connections).scripts
        return {scripts[name].sha: name for name in NAMES}

    def _shares(self, role: Role) -> bool:
        return role is Role.CACHE and not on_own_server(self._settings, role)

    def _server(self, role: Role) -> str:
        if on_own_server(self._settings, role):
            return f"{self._settings.redis_cache_host}:{self._settings.redis_cache_port}"
        return place(self._settings)
