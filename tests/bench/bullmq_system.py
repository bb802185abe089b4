"""The BullMQ peer: Fastify receiver and BullMQ worker, in one process or in several."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.errors import BenchError
from tests.bench.processes import Program
from tests.bench.system import client, environment

SOURCES = Path(__file__).parent / "bullmq"
# Where BullMQ keeps the jobs of the queue "webhooks" that are not completed. A failed one counts,
# so that a drain with failures never looks finished.
_LISTS = ("bull:webhooks:wait", "bull:webhooks:active", "bull:webhooks:paused")
_SETS = ("bull:webhooks:delayed", "bull:webhooks:prioritized", "bull:webhooks:failed")


@dataclass(frozen=True)
class BullMQ:
    """The peer as installed in a folder, with so many receiver or worker processes."""

    folder: Path
    processes: int

    @property
    def name(self) -> str:
        return f"BullMQ x{self.processes}"

    def start_receiver(self, redis_port: int, port: int) -> Program:
        return self._start("receiver.mjs", {**environment(redis_port), "PORT": str(port)})

    def start_worker(self, redis_port: int) -> Program:
        return self._start("worker.mjs", environment(redis_port))

    def open_webhooks(self, redis_port: int) -> Callable[[], int]:
        redis = client(redis_port, db=0)

        def count() -> int:
            with redis.pipeline() as pipeline:
                for key in _LISTS:
                    pipeline.llen(key)
                for key in _SETS:
                    pipeline.zcard(key)
                return sum(pipeline.execute())

        return count

    def _start(self, script: str, env: dict[str, str]) -> Program:
        command = ["node", str(self.folder / script)]
        env = {**env, "PROCESSES": str(self.processes), "NODE_ENV": "production"}
        return Program(f"{self.name} {script}", command, env=env, cwd=self.folder)


def missing_program() -> str | None:
    """The first program that the peer needs and this machine lacks."""
    return next((name for name in ("node", "npm") if shutil.which(name) is None), None)


def install() -> Path:
    """Install the peer with npm, once per state of its sources; answers its folder.

    Raises BenchError with npm's output.
    """
    sources = sorted(SOURCES.iterdir())
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "avnu-bench" / f"bullmq-{state}"
    if (folder / "installed").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for path in sources:
        shutil.copy(path, folder)
    npm = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if npm.returncode != 0:
        raise BenchError(f"npm install of the BullMQ peer failed:\n{npm.stdout}{npm.stderr}")
    (folder / "installed").touch()
    return folder
