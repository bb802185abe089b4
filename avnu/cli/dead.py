"""``avnu dead``: dead letters, listed, shown, replayed and dropped."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import click

from avnu import keys
from avnu.cli.acting import audited, took_effect
from avnu.cli.choosing import Filters, confirm, filter_options
from avnu.cli.found import REF, document, facts, meaning, name_of, show_found
from avnu.cli.output import json_option, say, show_facts, show_json, write
from avnu.cli.session import open_inbox
from avnu.cli.webhooks import unknown
from avnu.errors import NotFound
from avnu.inbox import BULK, Inbox
from avnu.inbox.queries import find_one

Act = Callable[[Inbox, Sequence[str]], Mapping[str, str]]


@click.group()
def dead() -> None:
    """Dead letters: webhooks that will not run again unless an operator says so."""


@dead.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@json_option
def list_(limit: int, as_json: bool, **filters: Any) -> None:
    """List dead letters, oldest death first."""
    with open_inbox() as inbox:
        every = list(islice(Filters(**filters).letters(inbox), limit + 1))
    if as_json:
        show_json([document(letter) for letter in every[:limit]])
    elif every:
        show_found(every[:limit])
    else:
        say("no dead letter matches")
    if len(every) > limit:
        say(f"there are more than {limit}; narrow the search, or raise --limit")


@dead.command()
@click.argument("webhook", metavar="SHOP/WEBHOOK-ID", type=REF)
@json_option
def show(webhook: tuple[str, str], as_json: bool) -> None:
    """Show one dead letter: why it is dead, and its last error.

    Exit code 3: there is no such dead letter. Its body: avnu webhooks show --body.
    """
    with open_inbox() as inbox:
        found = find_one(inbox, *webhook)
        now_s = inbox.clock.time()
    if found is None:
        raise unknown(webhook)
    if found.state != "dead":
        raise NotFound(f"{name_of(found)} is no dead letter but {found.state}")
    if as_json:
        show_json(document(found) | {"meaning": meaning(found, now_s)})
        return
    write(meaning(found, now_s))
    show_facts(facts(found))


def _acting(command: Callable[..., None]) -> Callable[..., None]:
    """What replay and drop take: names, or filters, or everything; and leave to do it."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
        click.option("--all", "everything", is_flag=True, help="All dead letters."),
    ):
        command = option(command)
    command = filter_options(command)
    return click.argument("names", metavar="[SHOP/WEBHOOK-ID]…", type=REF, nargs=-1)(command)


@dead.command()
@_acting
@audited
def replay(**options: Any) -> None:
    """Run dead letters again, each on its own; of its past nothing counts.

    They come back at INBOX_SOLO_PER_SECOND at most, so live webhooks are not held up. Name them,
    or filter, or --all; for more than those named, it asks, or takes --yes.
    """
    _act("replay", lambda inbox, refs: inbox.replay(refs), **options)


@dead.command()
@_acting
@audited
def drop(**options: Any) -> None:
    """Delete dead letters, body and all; their ids stay known as duplicates for a while.

    Name them, or filter, or --all; for more than those named, it asks, or takes --yes.
    """
    _act("drop", lambda inbox, refs: inbox.drop(refs), **options)


def _act(
    verb: str,
    act: Act,
    *,
    names: tuple[tuple[str, str], ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    **filters: Any,
) -> None:
    wanted = Filters(**filters)
    if sum((bool(names), wanted.given(), everything)) != 1:
        raise click.UsageError("say which: names, or filters, or --all, and one of these only")
    with open_inbox() as inbox:
        refs = [keys.ref(*name) for name in names]
        refs = refs or [letter.ref for letter in wanted.letters(inbox)]
        if dry_run:
            _foretell(verb, refs)
        elif not refs:
            say("no dead letter matches")
        else:
            if not names:
                confirm(f"{verb} {_letters(len(refs))}?", yes)
            _tell(_step_by_step(inbox, act, refs), named=bool(names))


def _step_by_step(inbox: Inbox, act: Act, refs: Sequence[str]) -> Mapping[str, str]:
    """What became of each; what one call did is noted even if a later one fails."""
    outcomes: dict[str, str] = {}
    for start in range(0, len(refs), BULK):
        some = act(inbox, refs[start : start + BULK])
        if any(outcome != "gone" for outcome in some.values()):
            took_effect()
        outcomes |= some
    return outcomes


def _foretell(verb: str, refs: Sequence[str]) -> None:
    for ref in refs:
        write("/".join(keys.split_ref(ref)))
    say(f"would {verb} {_letters(len(refs))}")


def _tell(outcomes: Mapping[str, str], named: bool) -> None:
    """How it went. A name that is no dead letter is an error; of a search it is mere chance."""
    for outcome, number in Counter(outcomes.values()).items():
        write(f"{outcome}: {number:,}")
    gone = ["/".join(keys.split_ref(ref)) for ref, what in outcomes.items() if what == "gone"]
    if named and gone:
        raise NotFound(f"no dead letter: {', '.join(gone)}")


def _letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"
