"""What an operator does is noted: who, on which host, which command, of what, and how it ended.

    @shops.command()
    @click.argument("shop", type=SHOP)
    @audited
    def resume(shop: str) -> None:

To have a command noted, put ``@audited`` right above its function; one that works in steps calls
``took_effect()`` after each. Secrets come by prompt or stdin, never as an argument, so what a
command was given may be kept.
"""

import functools
import os
import pwd
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import click
from redis.exceptions import RedisError

from avnu.acts import Act, note_act
from avnu.cli.output import say
from avnu.connections import Connections
from avnu.errors import AvnuError, CannotReach, InboxUnavailable, SettingsInvalid
from avnu.keys import Keys
from avnu.settings import load_settings

P = ParamSpec("P")
R = TypeVar("R")

# How a command was to talk, not what it was to do.
_TALK = ("as_json", "yes", "only_path")
# With one of these it only looks.
_LOOKS = ("dry_run", "check")
# In the context of the command that runs.
_EFFECT = f"{__name__}.effect"
# Who ends with one of these has changed nothing, unless a step before it took effect.
_NOTHING_YET = (
    CannotReach, InboxUnavailable, SettingsInvalid,
    click.ClickException, click.Abort, KeyboardInterrupt,
)  # fmt: skip


def audited(command: Callable[P, R]) -> Callable[P, R]:
    """Note each call that changed something, or failed at it.

    A usage error did neither, nor did a command that reached nothing, or was interrupted before it
    changed something. What a command that works in steps did until it ended early is noted too.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        ctx = click.get_current_context()
        ended = ""
        try:
            answer = command(*args, **kwargs)
            ended = "done"
        except BaseException as fault:
            ended = _ended(fault, effect=_EFFECT in ctx.meta)
            raise
        finally:
            if ended and not any(ctx.params.get(name) for name in _LOOKS):
                _note(ctx, ended)
        return answer

    return run


def took_effect() -> None:
    """Something is changed for good: the running command is noted however it ends."""
    click.get_current_context().meta[_EFFECT] = True


def _ended(fault: BaseException, *, effect: bool) -> str:
    """How a call that ended by this is noted; "" for one that is not."""
    if isinstance(fault, SystemExit):
        return "done"  # all but something that Redis was to do, and does by itself later
    if isinstance(fault, _NOTHING_YET) and not effect:
        return ""
    return "interrupted" if isinstance(fault, KeyboardInterrupt) else type(fault).__name__


def _note(ctx: click.Context, ended: str) -> None:
    """Never in the way: what cannot be noted now is said, and the command ends as it would."""
    try:
        settings = load_settings()
        connections = Connections(settings)
        try:
            act = Act(who(os.environ), socket.gethostname(), _what(ctx), of(ctx.params), ended)
            note_act(connections.inbox(), Keys(settings.avnu_namespace), act)
        finally:
            connections.close()
    except (AvnuError, RedisError, OSError) as fault:
        say(f"not noted in the audit log: {type(fault).__name__}")


def who(environ: Mapping[str, str]) -> str:
    """The user of this process; and who called sudo, where that was done."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)  # in a container there may be no names
    caller = environ.get("SUDO_USER", "")
    return f"{caller} as {name}" if caller and caller != name else name


def _what(ctx: click.Context) -> str:
    """``dead replay``: the command without its program."""
    return " ".join(ctx.command_path.split(" ")[1:])


def of(given: Mapping[str, Any]) -> str:
    """What a command was given, as one line: values of arguments, options by name."""
    return " ".join(_words(given))


def _words(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name in _TALK or value in (None, False, (), ""):
            continue
        values = value if isinstance(value, tuple) and name.endswith("s") else (value,)
        texts = ("/".join(one) if isinstance(one, tuple) else _text(one) for one in values)
        yield f"{name}={','.join(texts)}"


def _text(value: object) -> str:
    return str(getattr(value, "name", value))  # of a file its name
