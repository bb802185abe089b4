"""Whether the machine was ours: CPU time that others used while we measured."""

import resource
import time

import psutil

DISTURBING_CORES = 0.1


class Others:
    """Counts, from when it is made, what other programs (or other guests of the host) have used."""

    def __init__(self) -> None:
        self._begun = self._now()

    def cores(self) -> float:
        """Cores that others kept busy on average."""
        elapsed, foreign = (now - then for now, then in zip(self._now(), self._begun, strict=True))
        return max(0.0, foreign / elapsed)

    def verdict(self) -> str | None:
        """A sentence about the disturbance, or None when there was hardly any."""
        cores = self.cores()
        if cores < DISTURBING_CORES:
            return None
        return f"others kept {cores:.1f} cores busy meanwhile: measure again when it is quiet"

    @staticmethod
    def _now() -> tuple[float, float]:
        times = psutil.cpu_times()
        busy = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
        # Every program that we started has been waited for, so its time is in our children's.
        spent = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        ours = sum(one.ru_utime + one.ru_stime for one in spent)
        return time.perf_counter(), busy - ours
