"""How often changes are pushed: often while the numbers are fresh, seldom while a backlog is worked off."""

from collections.abc import Mapping
from typing import Final

BEHIND_MS: Final = 2_000
FRESH_SHARE: Final = 0.3
BEHIND_SHARE: Final = 0.06
MOST_INTERVAL_S: Final = 0.25
LEAST_HISTOGRAM_INTERVAL_S: Final = 1.0
MOST_HISTOGRAM_INTERVAL_S: Final = 5.0


class Pace:
    """Says how much time may go into pushing.

    While a partition is 2 s or more behind its log, by `lag_ms`, reading, building and sending get 6 % of the
    time, for the backlog's sake; else up to 30 %. What Redis does with a push costs it about as much as
    the push cost here.
    """

    def __init__(self, least_interval_s: float, lag_ms: Mapping[int, int]) -> None:
        self._least_interval_s = least_interval_s
        self._lag_ms = lag_ms

    def interval_s(self, spent_s: float) -> float:
        """Seconds to wait after a push that took `spent_s` seconds to read and build."""
        return min(MOST_INTERVAL_S, max(self._least_interval_s, self._fair_s(spent_s)))

    def histogram_interval_s(self, spent_s: float) -> float:
        """Seconds to wait until histograms are pushed again, which are large and change all over."""
        return min(MOST_HISTOGRAM_INTERVAL_S, max(LEAST_HISTOGRAM_INTERVAL_S, self._fair_s(spent_s)))

    def _fair_s(self, spent_s: float) -> float:
        behind = max(self._lag_ms.values(), default=0) >= BEHIND_MS
        return spent_s / (BEHIND_SHARE if behind else FRESH_SHARE)
