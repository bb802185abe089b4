"""deploy/terraform/ parses, names only what it declares, and makes servers that Avnu accepts."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from avnu.settings import ROWS

TERRAFORM = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
FILES = sorted(TERRAFORM.glob("*.tf"))


def plain(value: Any) -> Any:
    """What the parser read, without the quotes it leaves around strings and its own notes."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not k.startswith("__")}
        return {plain(name): plain(inner) for name, inner in kept.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def blocks(kind: str) -> dict[str, Any]:
    """Every block of a kind by its labels, "type.name" for resources."""
    found: dict[str, Any] = {}
    for path in FILES:
        for block in plain(hcl2.loads(path.read_text(encoding="utf-8"))).get(kind, []):
            while True:
                ((label, inner),) = block.items()
                if kind != "resource":
                    found[label] = inner
                    break
                ((name, body),) = inner.items()
                found[f"{label}.{name}"] = body
                break
    return found


def group(name: str) -> Any:
    return blocks("resource")[f"aws_elasticache_replication_group.{name}"]


def parameters(name: str) -> dict[str, str]:
    found = blocks("resource")[f"aws_elasticache_parameter_group.{name}"]["parameter"]
    return {one["name"]: one["value"] for one in found}


def test_what_is_named_is_declared_and_what_is_declared_is_used() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    code = re.sub(r"#.*", "", text)
    assert set(re.findall(r"\bvar\.(\w+)", code)) == set(blocks("variable"))
    declared = set(blocks("resource"))
    assert set(re.findall(r"\b(aws_\w+\.\w+)\.", code)) <= declared


@pytest.mark.parametrize(("name", "policy"), [("queue", "noeviction"), ("cache", "volatile-lru")])
def test_each_group_fails_over_speaks_tls_and_wants_a_password(name: str, policy: str) -> None:
    made = group(name)
    for wanted in ("multi_az_enabled", "automatic_failover_enabled", "transit_encryption_enabled",
                   "at_rest_encryption_enabled"):  # fmt: skip
        assert made[wanted] is True, wanted
    assert made["transit_encryption_mode"] == "required"
    assert "auth_token" in made
    assert "num_node_groups" not in made  # cluster mode is disabled
    assert "cluster_mode" not in made
    assert parameters(name)["maxmemory-policy"] == policy
    assert parameters(name)["reserved-memory-percent"] == "25"


@pytest.mark.parametrize("name", ["queue", "cache"])
def test_a_group_of_another_family_can_be_made_beside_the_old_one(name: str) -> None:
    made = blocks("resource")[f"aws_elasticache_parameter_group.{name}"]
    assert made["family"] == "${var.parameter_family}"
    assert made["lifecycle"][0]["create_before_destroy"] is True
    assert made["family"] in made["name"]


def test_the_inbox_is_backed_up_and_cannot_be_destroyed_by_mistake() -> None:
    made = group("queue")
    assert made["snapshot_retention_limit"] == "${var.snapshot_days}"
    assert made["final_snapshot_identifier"]
    assert made["lifecycle"][0]["prevent_destroy"] is True


def test_the_outputs_are_variables_of_avnu() -> None:
    told = blocks("output")["environment"]
    assert told["sensitive"] is True
    assert set(told["value"]) <= {row.name for row in ROWS}
    assert {"REDIS_HOST", "REDIS_PASSWORD", "REDIS_TLS_ENABLED"} <= set(told["value"])


def test_there_is_an_alarm_for_each_thing_that_ends_badly() -> None:
    text = (TERRAFORM / "alarms.tf").read_text(encoding="utf-8")
    for metric in ("DatabaseMemoryUsagePercentage", "EngineCPUUtilization", "Evictions",
                   "ReplicationLag", "CurrConnections"):  # fmt: skip
        assert f'"{metric}"' in text


@pytest.mark.parametrize("name", ["auth_token", "cache_auth_token"])
def test_passwords_are_never_shown(name: str) -> None:
    assert blocks("variable")[name]["sensitive"] is True
    assert "default" not in blocks("variable")[name]
