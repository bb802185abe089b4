"""Production installs what pyproject.toml names, without [dev]: is that enough to run on?

Here the developer's packages are installed too and would hide a missing one, so whatever the
production install would not bring is kept from being imported.
"""

import json
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement

# In a process of its own: everything of Avnu, and what is only imported when something connects.
_IMPORT_ALL = """
import importlib, importlib.abc, json, pkgutil, sys

class NotThere(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

missing = set(json.load(sys.stdin))
sys.meta_path.insert(0, NotThere())
for name in ("avnu", "tasks", "webhooks"):
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        # Those that run where they are imported, one as a program and one inside Alembic.
        if not module.name.endswith((".__main__", ".migrations.env")):
            importlib.import_module(module.name)
for name in ("kombu.transport.redis", "flower.command", "uvicorn.loops.uvloop", "celery.bin.celery",
             "uvicorn.protocols.http.httptools_impl", "redbeat.schedulers", "psycopg"):
    importlib.import_module(name)
print("all of it")
"""


def installed_with(name: str, found: set[str]) -> set[str]:
    """The distributions that installing ``name`` brings, extras of others as they are asked for."""
    wanted = Requirement(name)
    key = wanted.name.lower().replace("_", "-")
    if key in found and not wanted.extras:
        return found
    found.add(key)
    try:
        requires = metadata.distribution(wanted.name).requires or []
    except metadata.PackageNotFoundError:  # not on this system
        return found
    for text in requires:
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
            installed_with(str(needed).partition(";")[0], found)
    return found


def test_nothing_is_imported_that_only_developers_have() -> None:
    there = installed_with("avnu", set())
    assert {"celery", "kombu", "psycopg-binary", "tornado"} <= there
    assert not {"pytest", "mypy", "ruamel-yaml"} & there
    missing = {
        module
        for module, owners in metadata.packages_distributions().items()
        if not {owner.lower().replace("_", "-") for owner in owners} & there
    }
    assert "pytest" in missing
    said = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        input=json.dumps(sorted(missing - {"_distutils_hack", "pkg_resources", "setuptools"})),
        env={},
        capture_output=True,
        check=False,
        text=True,
    )
    assert said.stdout == "all of it\n", said.stderr[-2000:]
