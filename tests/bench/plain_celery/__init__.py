"""The plain Celery peer: Flask, SET NX and `task.delay`, as most applications have it."""
