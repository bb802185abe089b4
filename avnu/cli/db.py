"""``avnu db``: the form of the marketplace's database."""

import click
import msgspec

from avnu.cli.acting import audited
from avnu.cli.output import json_option, say, show_facts, show_json, write
from avnu.errors import StoreOutdated
from avnu.settings import load_settings
from avnu.store.database import UPGRADE, Store
from avnu.store.schema import Form, standing
from avnu.store.schema import upgrade as upgrade_schema


@click.group()
def db() -> None:
    """Database: look at its form, and bring it to what this Avnu needs."""


@db.command()
@audited
def upgrade() -> None:
    """Bring the database to the newest form; an SQLite file is made if there is none.

    Run it before new workers start. Several at once take turns, and again changes nothing. It needs
    no Redis: without, it only says that the audit log does not know of it.
    """
    with Store(load_settings().database_url) as store:
        before = upgrade_schema(store)
        place = store.place
    if before.form is Form.READY:
        write(f"{place}: was ready")
    elif before.form is Form.AHEAD:
        write(f"{place}: left alone")
        say(f"a newer Avnu has been here ({before.found}, we know {before.needed})")
    else:
        write(f"{place}: {before.found or 'empty'} -> {before.needed}")


@db.command()
@json_option
def status(as_json: bool) -> None:
    """Show the form of the database. Exit code 1: it needs an upgrade."""
    with Store(load_settings().database_url) as store:
        now = standing(store)
        place = store.place
    if as_json:
        show_json({"place": place, **msgspec.to_builtins(now)})
    else:
        show_facts({"database": place, "form": now.form, "found": now.found, "needed": now.needed})
    if now.form in (Form.EMPTY, Form.BEHIND):
        raise StoreOutdated(f"{place} is {now.form}; {UPGRADE}")
