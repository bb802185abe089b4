"""``avnu up``: everything that Avnu needs, in one terminal."""

import dataclasses
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import click
from dotenv import dotenv_values

from avnu.cli import programs
from avnu.cli.development import env_file, with_secrets, write_env
from avnu.cli.output import say
from avnu.cli.processes import Processes
from avnu.cli.session import place
from avnu.embedded import EmbeddedServer, free_port
from avnu.errors import CheckFailed
from avnu.secret import Secret
from avnu.settings import Settings, load_settings
from avnu.store.database import Store
from avnu.store.engine import sqlite_path
from avnu.store.schema import require_schema, upgrade

_SERVER_OF_ONES_OWN = {"REDIS_HOST", "REDIS_SENTINELS"}


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".avnu"),
    show_default=True,
    help="Folder for the embedded server, the database and secrets for development.",
)
@click.option(
    "--flower/--no-flower",
    "with_flower",
    default=True,
    help="Whether Flower shows queue and workers in a browser.",
)
def up(data: Path, with_flower: bool) -> None:
    """Run receiver, worker, beat and Flower until Ctrl-C; with a Redis of its own if none is set.

    While REDIS_HOST is not set, a Valkey with an append-only file is started in the data folder,
    on REDIS_PORT if that is free. Secrets that are not set are made and kept there as well, and so
    is the database while DATABASE_URL is not set. Without SHOPIFY_API_KEY there is no app to call
    Shopify for: the sandbox plays the Admin API, and `avnu simulate` installs its shops there.

    Exit code 0 when asked to end; 1 when a port is in use, or one of them ended by itself.
    """
    programs.end_like_ctrl_c()  # until honcho takes the signals over
    try:
        _up(data, with_flower)
    except KeyboardInterrupt:
        say("ended before everything was up")


def _up(data: Path, with_flower: bool) -> None:
    settings, made = with_secrets(load_settings(), data)
    settings = dataclasses.replace(settings, avnu_port=programs.port_for(settings))
    if with_flower:
        settings = dataclasses.replace(settings, flower_port=programs.flower_port_for(settings))
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        server = None
        if not settings.given & _SERVER_OF_ONES_OWN:
            server = _own_server(settings, data)
            stack.enter_context(server)
            settings = _pointed_at(settings, server)
            made += ["REDIS_HOST", "REDIS_PORT"]
        settings, local = _with_local_parts(settings, data)
        path = write_env(data, settings, [*made, *local, "AVNU_HOST", "AVNU_PORT"])
        _make_database(settings)
        _announce(settings, made, path, data)
        if with_flower:
            at = f"http://{settings.flower_address}:{settings.flower_port}"
            say(f"Flower shows queue and workers at {at}")
        _run(settings, data, server, with_flower)


def _own_server(settings: Settings, data: Path) -> EmbeddedServer:
    """On REDIS_PORT, where other commands look first; on another port if that is taken."""
    port = settings.redis_port if programs.port_is_free(settings.redis_port) else 0
    if port == 0:
        say(f"port {settings.redis_port} is in use, so the embedded server takes another")
    return EmbeddedServer(data / "valkey", port)


def _pointed_at(settings: Settings, server: EmbeddedServer) -> Settings:
    """The same settings for the embedded server, which has neither password nor TLS."""
    return dataclasses.replace(
        settings,
        redis_host=server.host,
        redis_port=server.port,
        redis_username="",
        redis_password=Secret(),
        redis_tls_enabled=False,
        redis_tls_ca_file="",
    )


def _with_local_parts(settings: Settings, data: Path) -> tuple[Settings, list[str]]:
    """A database and a Shopify on this machine where none is set; the names of what was."""
    changes: dict[str, object] = {}
    if "DATABASE_URL" not in settings.given:
        changes["database_url"] = Secret(f"sqlite:///{data.resolve() / 'avnu.db'}")
    if not settings.given & {"SHOPIFY_API_KEY", "SHOPIFY_ADMIN_ORIGIN"}:
        changes["shopify_api_key"] = "sandbox"
        changes["shopify_admin_origin"] = _sandbox_origin(data)
    changed: Settings = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    return changed, [name.upper() for name in changes]


def _sandbox_origin(data: Path) -> str:
    """Where it was the last time, if that port is free: commands in another terminal know it."""
    kept = dotenv_values(env_file(data), interpolate=False).get("SHOPIFY_ADMIN_ORIGIN") or ""
    with suppress(ValueError):  # somebody has edited the file
        port = urlsplit(kept).port
        if port and programs.port_is_free(port):
            return kept
    return f"http://127.0.0.1:{free_port()}"


def _make_database(settings: Settings) -> None:
    """SQLite's is made or brought up to date here; a server's is its operator's to change."""
    with Store(settings.database_url) as store:
        if sqlite_path(store.url) is None:
            require_schema(store)
        else:
            upgrade(store)


def _is_sandboxed(settings: Settings) -> bool:
    """Whether the sandbox is ours to start: an address that was set is somebody else's."""
    return bool(settings.shopify_admin_origin) and "SHOPIFY_ADMIN_ORIGIN" not in settings.given


def _announce(settings: Settings, made: list[str], path: Path, data: Path) -> None:
    kind = "embedded server" if "REDIS_HOST" in made else "Redis"
    say(f"{kind} at {place(settings)}, data in {data}")
    hidden = [name for name in made if not name.startswith("REDIS_")]
    if hidden:
        say(f"{' and '.join(hidden)} not set: for development, they are in {path}")
    if _is_sandboxed(settings):
        say(
            "SHOPIFY_API_KEY not set: the sandbox plays the Admin API at "
            f"{settings.shopify_admin_origin}"
        )
    say(f"webhooks go to http://{settings.avnu_host}:{settings.avnu_port}/webhooks/shopify")
    say(f"from another terminal: avnu --env-file {path} status")


def _run(settings: Settings, data: Path, server: EmbeddedServer | None, with_flower: bool) -> None:
    environ = programs.environment(settings)
    together = Processes(alive=lambda: server is None or server.running)
    if _is_sandboxed(settings):
        keep = str(data / "sandbox-tokens")
        together.add("sandbox", programs.sandbox(settings, "--keep", keep), environ)
    together.add("receiver", programs.receiver(settings), environ)
    together.add("worker", programs.worker(settings), environ)
    together.add("beat", programs.beat(settings), environ)
    if with_flower:
        together.add("flower", programs.flower(), environ)
    asked = together.run()
    if server is not None and not server.running:
        raise CheckFailed(f"the embedded server ended by itself; its log is {server.log_path}")
    if not asked:
        raise CheckFailed("one of the programs ended by itself, so all were ended; see its log")
