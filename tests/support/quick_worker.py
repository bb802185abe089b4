"""`python -m tests.support.quick_worker NAME`: `celery -A tests.support.scripted worker -n NAME`.

Celery's command line loads each of its commands, prompts and plug-ins (Flower with its web server)
before it makes this same object: a quarter of a worker's start, and fifty tests start one.
"""

import sys

from tests.support.scripted import app


def main(name: str) -> int:
    worker = app.Worker(hostname=name, quiet=True)
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
