"""Starting, killing and reading processes of ``guarded_caller.py``."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from avnu.settings import Settings

ROOT = Path(__file__).parents[2]
COSTS = (12, 52, 102, 202, 402, 752)


class CallerProcess:
    """One process with its threads; ``finish`` waits for its account, ``kill`` is SIGKILL."""

    def __init__(self, settings: Settings, **plan: Any) -> None:
        whole = {
            "threads": 8, "class": "bulk", "costs": COSTS, "guarded": True, "pause_s": 0.0,
            "longest_wait_s": 60.0,
        } | plan  # fmt: skip
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.guarded_caller", json.dumps(whole)],
            env=inherited | settings.to_environ(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def started(self) -> "CallerProcess":
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def finish(self) -> dict[str, Any]:
        out, _ = self._process.communicate(timeout=120)
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=10)
