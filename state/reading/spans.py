"""Several ranges of time read together: one pass over the rows of a series answers for all of them."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from struct import unpack_from

from pyroaring import BitMap

from wayfold.models.zone import MINUTE_MS, RangeError, Span
from wayfold.state.cells.recent import Recent
from wayfold.state.cells.user_sets import users_by_bucket
from wayfold.state.cells.values import Histogram, decode_histogram, unpack
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreMoment

LAST_BUCKET = 2**32 - 1
GRAINS = (keys.DAY_GRAIN, keys.HOUR_GRAIN)


class Spans:
    """Ranges of time that do not overlap, each known by its place; None, alone, is all time.

    `runs` are the (grain, first bucket, end) that they come to, with those joined that touch. `RangeError`
    when two overlap.
    """

    def __init__(self, spans: Sequence[Span | None]) -> None:
        self.count = len(spans)
        self.is_all_time = None in spans
        self.runs: list[tuple[int, int, int]] = []
        self._firsts: dict[int, list[int]] = {grain: [] for grain in GRAINS}
        self._places: dict[int, list[int]] = {grain: [] for grain in GRAINS}
        ranges = [(*buckets, place) for place, span in enumerate(spans) for buckets in ranges_of(span)]
        for grain, first, end, place in sorted(ranges):
            self._firsts[grain].append(first)
            self._places[grain].append(place)
            before = self.runs[-1] if self.runs else (-1, 0, 0)
            if before[0] == grain and before[2] > first:
                raise RangeError("ranges: two of them overlap; give each time once")
            if before[0] == grain and before[2] == first:
                self.runs[-1] = (grain, before[1], end)
            else:
                self.runs.append((grain, first, end))
        self._minutes = sorted(
            (span.start_ms // MINUTE_MS, span.end_ms // MINUTE_MS, place)
            for place, span in enumerate(spans)
            if span is not None
        )
        self._starts = [start for start, _, _ in self._minutes]

    def place(self, grain: int, bucket: int) -> int:
        """The place of the range that a bucket of a run is in."""
        return self._places[grain][bisect_right(self._firsts[grain], bucket) - 1]

    def place_of_hour(self, hour: int) -> int | None:
        """The place of the range that an hour is in, None when it is in none."""
        at = bisect_right(self._starts, hour) - 1
        if at < 0 or hour >= self._minutes[at][1]:
            return None
        return self._minutes[at][2]


class SpanRows:
    """What there is of some series within spans, as of one moment; everything comes with the place."""

    def __init__(self, moment: StoreMoment, recent: Recent, chosen: Collection[int], spans: Spans) -> None:
        self.moment = moment
        self.spans = spans
        self._tallies: dict[int, list[tuple[int, int, int, int, tuple[int, ...]]]] = {}
        self._dwells: dict[int, list[tuple[int, Histogram]]] = {}
        for grain, first, end in spans.runs:
            for tally in recent.within(chosen, grain, first, end):
                self._tallies.setdefault(tally[0], []).append((grain, *tally[1:]))
            for series, bucket, histogram in recent.dwells_within(chosen, grain, first, end):
                self._dwells.setdefault(series, []).append((spans.place(grain, bucket), histogram))

    def counts(self, series: int) -> Iterator[tuple[int, int, int]]:
        """The two counts of a series, bucket by bucket."""
        place = self.spans.place
        for grain, bucket, value in self._rows(keys.CELL, series):
            first, second = unpack(value)
            yield place(grain, bucket), first, second
        for grain, bucket, first, second, _ in self._tallies.get(series, ()):
            yield place(grain, bucket), first, second

    def users(self, series: int) -> Iterator[tuple[int, BitMap]]:
        """The users of a series, bucket by bucket."""
        recent = self._tallies.get(series, ())
        for run in self.spans.runs:
            grain, first, end = run
            waiting = {
                bucket: persons
                for of, bucket, _, _, persons in recent
                if of == grain and first <= bucket < end
            }
            for bucket, users in users_by_bucket(self._scan(keys.USER_SET, series, run), waiting):
                yield self.spans.place(grain, bucket), users

    def histograms(self, series: int) -> Iterator[tuple[int, Histogram]]:
        """The dwell times of a series, bucket by bucket."""
        for grain, bucket, value in self._rows(keys.DWELL, series):
            yield self.spans.place(grain, bucket), decode_histogram(value)
        yield from self._dwells.get(series, ())

    def _rows(self, kind: bytes, series: int) -> Iterator[tuple[int, int, bytes]]:
        for run in self.spans.runs:
            for key, value in self._scan(kind, series, run):
                yield run[0], unpack_from(">I", key, 6)[0], value

    def _scan(self, kind: bytes, series: int, run: tuple[int, int, int]) -> list[tuple[bytes, bytes]]:
        grain, first, end = run
        return self.moment.scan(
            keys.cell_key(kind, series, grain, first), keys.cell_key(kind, series, grain, end)
        )


def ranges_of(span: Span | None) -> Iterator[tuple[int, int, int]]:
    """The grains, with first bucket and end of each, that a range comes to; without one all days."""
    if span is None:
        yield keys.DAY_GRAIN, 0, LAST_BUCKET
        return
    for grain, (first, end) in (
        (keys.DAY_GRAIN, span.days),
        *((keys.HOUR_GRAIN, hours) for hours in span.hours),
    ):
        if first < end:
            yield grain, first, end
