"""How often changes are pushed: often while the machine has time to spare, seldom while it is busy."""

import time
from typing import Final

MEASURED_S: Final = 0.5
BUSY_LOAD: Final = 0.9
IDLE_LOAD: Final = 0.6
BUSY_SHARE: Final = 0.06
IDLE_SHARE: Final = 0.3
MOST_INTERVAL_S: Final = 0.25
LEAST_HISTOGRAM_INTERVAL_S: Final = 1.0
MOST_HISTOGRAM_INTERVAL_S: Final = 5.0


class Pace:
    """Says how much time may go into pushing.

    While the process uses most of a core, reading, building and sending get 6 % of it, else up to 30 %.
    What Redis does with a push costs it about as much as the push cost here.
    """

    def __init__(self, least_interval_s: float) -> None:
        self._least_interval_s = least_interval_s
        self._since_s = time.perf_counter()
        self._cpu_s = time.process_time()
        self._load = 0.0

    def interval_s(self, spent_s: float) -> float:
        """Seconds to wait after a push that took `spent_s` seconds to read and build."""
        return min(MOST_INTERVAL_S, max(self._least_interval_s, self._fair_s(spent_s)))

    def histogram_interval_s(self, spent_s: float) -> float:
        """Seconds to wait until histograms are pushed again, which are large and change all over."""
        return min(MOST_HISTOGRAM_INTERVAL_S, max(LEAST_HISTOGRAM_INTERVAL_S, self._fair_s(spent_s)))

    def _fair_s(self, spent_s: float) -> float:
        return spent_s / self._share()

    def _share(self) -> float:
        now_s, cpu_s = time.perf_counter(), time.process_time()
        if now_s - self._since_s >= MEASURED_S:
            self._load = (cpu_s - self._cpu_s) / (now_s - self._since_s)
            self._since_s, self._cpu_s = now_s, cpu_s
        busy = min(1.0, max(0.0, (self._load - IDLE_LOAD) / (BUSY_LOAD - IDLE_LOAD)))
        return IDLE_SHARE + busy * (BUSY_SHARE - IDLE_SHARE)
