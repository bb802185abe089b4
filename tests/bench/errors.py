"""What ends the benchmark before it has its figures."""


class BenchError(Exception):
    """A program ended, refused or stalled; the message carries the end of its output."""
