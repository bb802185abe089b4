"""``avnu audit``: what operators did."""

import click
import msgspec
from redis.exceptions import RedisError

from avnu.acts import latest_acts
from avnu.cli.output import json_option, moment, say, show_json, show_table
from avnu.cli.session import place
from avnu.connections import Connections
from avnu.errors import CannotReach
from avnu.keys import Keys
from avnu.settings import load_settings


@click.group()
def audit() -> None:
    """Audit log: who did what with this command, on which host, and how it ended."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_(limit: int, as_json: bool) -> None:
    """List what operators did, the newest first. The last 10,000 acts are kept."""
    settings = load_settings()
    connections = Connections(settings)
    try:
        acts = latest_acts(connections.inbox(), Keys(settings.avnu_namespace), limit)
    except (RedisError, OSError) as fault:
        raise CannotReach(f"the inbox at {place(settings)} cannot be reached: {fault}") from fault
    finally:
        connections.close()
    if as_json:
        show_json([msgspec.structs.asdict(act) | {"at": moment(act.at_ms)} for act in acts])
    elif acts:
        show_table(
            ("when", "who", "host", "what", "of", "ended"),
            [(moment(act.at_ms), act.who, act.host, act.what, act.of, act.ended) for act in acts],
        )
    else:
        say("nothing was done so far")
