"""deploy/compose.yaml: Compose's schema, its references, and what it starts. Not started here."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from avnu.app import create_app
from avnu.cli.run import PROGRAMS
from avnu.settings import ROWS, Settings
from tests.support.acl import ROLES
from tests.support.require import require

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
TEXT = COMPOSE.read_text(encoding="utf-8")
# Made on the host, by the steps that the file's head names.
MADE_THERE = {"./nginx/tls"}


@pytest.fixture(scope="module")
def compose() -> Any:
    return YAML(typ="safe").load(TEXT)


@pytest.fixture(scope="module")
def services(compose: Any) -> dict[str, Any]:
    return dict(compose["services"])


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in services.items() if one["image"] == "avnu:latest"}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_it_is_what_compose_understands() -> None:
    check = require("check-jsonschema", also_in=str(Path(sys.executable).parent))
    command = [check, "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_everything_that_is_named_is_declared(compose: Any, services: dict[str, Any]) -> None:
    for name, one in services.items():
        for needed in one.get("depends_on", {}):
            assert needed in services, (name, needed)
        for network in one.get("networks", ()):
            assert network in compose["networks"], (name, network)
        for secret in one.get("secrets", ()):
            assert secret in compose["secrets"], (name, secret)
        for volume in one.get("volumes", ()):
            source = volume.partition(":")[0]
            if source in MADE_THERE:
                continue
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), (name, source)
            else:
                assert source in compose["volumes"], (name, source)


def test_who_waits_for_health_waits_for_one_that_tells_it(services: dict[str, Any]) -> None:
    for name, one in services.items():
        needs = one.get("depends_on", {})
        for needed in needs if isinstance(needs, dict) else ():
            if needs[needed]["condition"] == "service_healthy":
                assert "test" in services[needed]["healthcheck"], (name, needed)


def test_every_program_runs_with_settings_that_avnu_knows(services: dict[str, Any]) -> None:
    known = {row.name for row in ROWS}
    started = set()
    for name, one in ours(services).items():
        assert set(one["environment"]) <= known, (name, set(one["environment"]) - known)
        command = one["command"]
        if command[0] == "run":
            started.add(command[1])
            assert one["environment"]["REDIS_USERNAME"] in ROLES
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
    assert started >= set(PROGRAMS)


def test_no_program_is_given_a_secret_it_does_not_need(services: dict[str, Any]) -> None:
    needed = {
        "TOKEN_ENCRYPTION_KEYS": {"worker", "operator"},
        "DATABASE_URL": {"worker", "migrate", "operator"},
        "METRICS_TOKEN": {"receiver-1", "receiver-2"},
        "SHOPIFY_API_SECRET": {"receiver-1", "receiver-2", "worker", "operator"},
        "SHOPIFY_API_SECRET_PREVIOUS": {"receiver-1", "receiver-2", "operator"},
    }
    for name, who in needed.items():
        given = {k for k, one in ours(services).items() if name in one["environment"]}
        assert given == who, name


def test_every_secret_is_asked_for_and_none_is_written_here() -> None:
    told = set(re.findall(r"\$\{([A-Z_]+)(?=[:}])", TEXT))
    head = TEXT[: TEXT.index("\nname:")]
    for name in told - {"AVNU_NAMESPACE", "SHOPIFY_API_SECRET_PREVIOUS"}:
        user = re.fullmatch(r"REDIS_(\w+)_PASSWORD", name)
        assert (user.group(1) if user else name) in head, name
        assert f"${{{name}:?}}" in TEXT


def test_a_stop_waits_for_the_longest_task(services: dict[str, Any]) -> None:
    settings = Settings.load({})
    longest_s = create_app(settings).conf.task_time_limit
    assert seconds(services["worker"]["stop_grace_period"]) >= longest_s + 10
    command = PROGRAMS["receiver"](settings)
    grace_s = int(command[command.index("--timeout-graceful-shutdown") + 1])
    wanted_s = grace_s + settings.webhook_inbox_seconds + 5
    for name in ("receiver-1", "receiver-2"):
        assert seconds(services[name]["stop_grace_period"]) >= wanted_s


def test_a_page_reaches_somebody(services: dict[str, Any]) -> None:
    yaml = YAML(typ="safe")
    [sender] = yaml.load(DEPLOY / "prometheus" / "prometheus.yml")["alerting"]["alertmanagers"]
    assert sender["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    asked = services["alertmanager"]
    assert set(asked["networks"]) & set(services["prometheus"]["networks"])
    config = yaml.load(DEPLOY / "prometheus" / "alertmanager.yml")
    routes = [config["route"], *config["route"]["routes"]]
    assert routes[1]["matchers"] == ['severity="page"']
    told = {one["name"]: one["webhook_configs"][0]["url_file"] for one in config["receivers"]}
    assert {route["receiver"] for route in routes} == set(told) == {"page", "ticket"}
    assert {path.removeprefix("/run/secrets/") for path in told.values()} == set(asked["secrets"])
    assert set(asked["environment"]) == {name.upper() for name in asked["secrets"]}


def test_an_upgrade_renews_every_program_and_one_receiver_at_a_time(
    services: dict[str, Any],
) -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    steps = re.findall(r"^docker compose up -d --no-deps (.+?)(?: &&)?$", page, re.MULTILINE)
    assert steps[:2] == ["--wait receiver-1", "--wait receiver-2"]
    renewed = {"receiver-1", "receiver-2", *steps[2].split()}
    assert renewed == set(ours(services)) - {"operator", "migrate"}
    for name in ("receiver-1", "receiver-2"):  # --wait needs one: it is the image's
        assert "healthcheck" not in services[name]
    assert "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_only_nginx_is_reached_from_outside(services: dict[str, Any]) -> None:
    for name, port in published(services):
        assert name == "nginx" or port.startswith("127.0.0.1:"), (name, port)
    for name in ("queue", "cache", "db"):
        assert services[name]["networks"] == ["data"]


def published(services: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, one in services.items():
        for port in one.get("ports", ()):
            yield name, port


def test_nginx_knows_the_receivers_addresses(services: dict[str, Any]) -> None:
    text = (DEPLOY / "nginx" / "receivers.compose.conf").read_text(encoding="utf-8")
    listed = re.findall(r"^server ([\d.]+):8000", text, re.MULTILINE)
    given = [services[f"receiver-{n}"]["networks"]["web"]["ipv4_address"] for n in (1, 2)]
    assert listed == given
