"""``avnu webhooks``: where is this webhook, and run it once more."""

import click

from avnu import keys
from avnu.cli.acting import audited
from avnu.cli.found import REF, SHOP, document, facts, meaning, show_found
from avnu.cli.output import json_option, say, show_facts, show_json, write
from avnu.cli.session import open_inbox
from avnu.errors import CheckFailed, NotFound
from avnu.inbox.queries import STATES, Found, find, find_one

_SETTLED = ("done", "superseded", "deleted")


@click.group()
def webhooks() -> None:
    """Find webhooks, show one, and run one that is dead or waits alone once more."""


@webhooks.command("list")
@click.option("--shop", type=SHOP, help="Only of this shop; makes a large inbox quick to search.")
@click.option("--topic", help="Only of this topic, e.g. orders/create.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@json_option
def list_(
    shop: str | None, topic: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List webhooks, settled ones too for as long as they are remembered."""
    with open_inbox() as inbox:
        every = find(inbox, shop=shop, topic=topic, state=state, limit=limit + 1)
    if as_json:
        show_json([document(one) for one in every[:limit]])
    elif every:
        show_found(every[:limit])
    else:
        say("no webhook matches")
    if len(every) > limit:
        say(f"there are more than {limit}; narrow the search, or raise --limit")


@webhooks.command()
@click.argument("webhook", metavar="SHOP/WEBHOOK-ID", type=REF)
@click.option("--body", is_flag=True, help="Show the body as well: it holds personal data.")
@json_option
def show(webhook: tuple[str, str], body: bool, as_json: bool) -> None:
    """Show where one webhook is: its state, its times, its failed runs and what came of it.

    Exit code 3: the inbox does not know it.
    """
    with open_inbox() as inbox:
        found = find_one(inbox, *webhook, body=body)
        now_s = inbox.clock.time()
    if found is None:
        raise unknown(webhook)
    if as_json:
        show_json(document(found) | {"meaning": meaning(found, now_s)})
        return
    write(meaning(found, now_s))
    show_facts(facts(found))
    if body:
        _show_body(found)


@webhooks.command()
@click.argument("webhook", metavar="SHOP/WEBHOOK-ID", type=REF)
@audited
def replay(webhook: tuple[str, str]) -> None:
    """Run a dead webhook again, or one that waits alone at once.

    Exit code 1: it is neither, and why it cannot be replayed. 3: the inbox does not know it.
    """
    ref = keys.ref(*webhook)
    with open_inbox() as inbox:
        outcome = inbox.replay([ref])[ref]
        found = find_one(inbox, *webhook) if outcome == "gone" else None
    if outcome != "gone":
        write(f"{'/'.join(webhook)}: {outcome}")
    elif found is None:
        raise unknown(webhook)
    else:
        raise CheckFailed(f"not replayed: {_why_not(found)}")


def unknown(webhook: tuple[str, str]) -> NotFound:
    """The error for a webhook that the inbox does not know."""
    return NotFound(
        f"{'/'.join(webhook)} is not in the inbox: it never came in, or was settled longer ago "
        "than REDIS_TTL_SECONDS"
    )


def _why_not(found: Found) -> str:
    if found.state in _SETTLED:
        return f"it is settled ({found.state}); to run it again, have Shopify send it again"
    return f"it is neither dead nor waiting alone but {found.state}, so it runs without help"


def _show_body(found: Found) -> None:
    if found.body is None:
        say("its body is gone: it is settled, and WEBHOOK_KEEP_BODY_SECONDS did not keep it")
        return
    write("")
    write(found.body.decode(errors="backslashreplace"))
