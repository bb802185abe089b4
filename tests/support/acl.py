"""Redis users as deploy/redis/users.acl has them, for servers and programs of a test."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

REDIS = Path(__file__).resolve().parents[2] / "deploy" / "redis"
ROLES = (
    "receiver", "worker", "beat", "flower", "operator", "admin", "metrics", "replica", "sentinel",
)  # fmt: skip
#: Not in the template: who may do everything, and looks at what the others were refused.
EVERYTHING = "everything"
#: Of users.sh, where it is not called by its user's name.
_VARIABLES = {"sentinel": "REDIS_SENTINEL_USER_PASSWORD"}


def password(role: str) -> str:
    """Of the user of that name."""
    return f"made-up-for-{role}"


def users(namespace: str, *options: str) -> Mapping[str, str]:
    """Each user's rules, as users.sh writes them."""
    named = {
        _VARIABLES.get(role, f"REDIS_{role.upper()}_PASSWORD"): password(role) for role in ROLES
    }
    written = subprocess.run(
        [str(REDIS / "users.sh"), *options],
        env={"PATH": os.environ["PATH"], "AVNU_NAMESPACE": namespace, **named},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [line.split(" ", 2) for line in written.splitlines()]
    return {name: rules for _, name, rules in lines}


def users_file(folder: Path, namespace: str, *, before_7_2: bool = False) -> Path:
    """A file for `aclfile`, with EVERYTHING beside the users."""
    path = folder / "users.acl"
    found = {
        **users(namespace, *(["--before-7.2"] if before_7_2 else [])),
        EVERYTHING: f"on >{password(EVERYTHING)} ~* &* +@all",
    }
    path.write_text("".join(f"user {name} {rules}\n" for name, rules in found.items()))
    return path


def login(role: str) -> dict[str, str]:
    """The variables with which a program logs in as that user."""
    return {"REDIS_USERNAME": role, "REDIS_PASSWORD": password(role)}
