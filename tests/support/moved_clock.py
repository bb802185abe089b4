"""Time for tests in which none passes by itself."""


class MovedClock:
    """Unix and monotonic time that only a test moves; sleeping moves it too."""

    def __init__(self, now: float = 1_795_300_000.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
