"""What the pusher asks of a partition: its committed views, and the definitions behind them."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.fences import Offsets
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query
from wayfold.state.reading.views import ACCOUNT, JOURNEY

TIME_ZONE: Final = "time_zone"
EVERYTHING: Final = Query()
ACCOUNT_INTERVAL_S: Final = 2.0
"""Least seconds between two counts of the users of an account's channels."""

_encode = msgspec.json.Encoder().encode


class Changed(NamedTuple):
    """Views of a journey that changed; `judged` is whether the open windows of all versions are in them."""

    name: JourneyName
    views: Mapping[str, Fields]
    judged: bool = True


class CommittedViews(Protocol):
    """The committed numbers of one partition, absolute; amid a batch they are those of the commit before."""

    @property
    def number(self) -> int:
        """Number of the partition."""

    @property
    def offsets(self) -> Offsets:
        """Which records the numbers reflect: topic kind → offset of the next one."""

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` accepted here, in milliseconds UTC; -1 when none was."""

    def names(self) -> list[JourneyName]:
        """Every journey, and every account under the journey id ""."""

    def read(self, name: JourneyName, watermark_ms: int) -> Mapping[str, Fields]:
        """All views of a journey, open windows judged at a watermark of the whole system."""

    def changed(self, watermark_ms: int) -> Iterable[Changed]:
        """Views that changed since the last call, but for those held back until `held_until_s`."""

    @property
    def held_until_s(self) -> float:
        """When `changed` gives the views that it holds back, on the monotonic clock; infinite for none."""

    def hurry(self) -> None:
        """Hold nothing back in the next call of `changed`."""

    def described(self) -> Iterator[tuple[JourneyName, Collection[str]]]:
        """What `metadata` has, for each journey and account: its fields only."""

    def metadata(self, name: JourneyName) -> Mapping[str, str]:
        """What readers need beside numbers: version → definition as JSON; an account's time zone."""


class PartitionViews:
    """The committed views of a partition of the fold."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._accounts: set[JourneyName] = set()
        self._accounts_at_s = 0.0

    @property
    def number(self) -> int:
        """Number of the partition."""
        return self._partition.number

    @property
    def offsets(self) -> Offsets:
        """Topic kind → offset of the next record."""
        return self._partition.offsets

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` accepted here, in milliseconds UTC; -1 when none was."""
        return self._partition.watermark_ms

    def names(self) -> list[JourneyName]:
        """Every journey, and every account under the journey id ""."""
        return [JourneyName(*name) for name in self._partition.catalog.scopes]

    def read(self, name: JourneyName, watermark_ms: int) -> Mapping[str, Fields]:
        """All views of a journey, open windows judged at a watermark of the whole system."""
        scope = self._partition.catalog.scopes.get((name.account_id, name.journey_id))
        if scope is None or watermark_ms < 0:
            return {}  # before the first event there are definitions only
        if name.journey_id:
            return self._partition.reader.all_time(scope, watermark_ms)
        return self._partition.reader.views(scope, EVERYTHING, watermark_ms)

    def changed(self, watermark_ms: int) -> Iterable[Changed]:
        """Views that changed since the last call, but for those held back until `held_until_s`.

        An account's channels are: their users are counted from sets, not kept.
        """
        for row in self._partition.changed_views(watermark_ms):
            name = JourneyName(row.account_id, row.journey_id)
            if ACCOUNT in row.views:
                self._accounts.add(name)
                yield Changed(name, {view: fields for view, fields in row.views.items() if view != ACCOUNT})
            else:
                yield self._complete(name, row.views, watermark_ms)
        if time.monotonic() >= self.held_until_s:
            for name in self._accounts:
                yield Changed(name, {ACCOUNT: self.read(name, watermark_ms).get(ACCOUNT, {})})
            self._accounts.clear()
            self._accounts_at_s = time.monotonic() + ACCOUNT_INTERVAL_S

    @property
    def held_until_s(self) -> float:
        """When `changed` gives the views that it holds back, on the monotonic clock; infinite for none."""
        return self._accounts_at_s if self._accounts else float("inf")

    def hurry(self) -> None:
        """Hold nothing back in the next call of `changed`."""
        self._accounts_at_s = 0.0

    def described(self) -> Iterator[tuple[JourneyName, Collection[str]]]:
        """What `metadata` has, for each journey and account: its fields only."""
        for key, scope in self._partition.catalog.scopes.items():
            name = JourneyName(*key)
            yield name, {str(version) for version in scope.definitions} if name.journey_id else {TIME_ZONE}

    def metadata(self, name: JourneyName) -> Mapping[str, str]:
        """What readers need beside numbers: version → definition as JSON; an account's time zone."""
        scope = self._partition.catalog.scopes[name.account_id, name.journey_id]
        if not name.journey_id:
            return {TIME_ZONE: scope.zone.name}
        return {
            str(version): _encode(
                {"name": definition.name, "steps": [step.model_dump() for step in definition.steps]}
            ).decode()
            for version, definition in scope.definitions.items()
        }

    def _complete(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> Changed:
        """Leave out versions of which only the open windows came along, and give the others all fields.

        Open windows come with every change of the journey's view, for all its versions.
        """
        if JOURNEY not in views and any(view.startswith("version:") for view in views):
            whole = self.read(name, watermark_ms)
            return Changed(
                name, {view: whole.get(view, fields) for view, fields in views.items()}, judged=False
            )
        kept = {
            view: fields
            for view, fields in views.items()
            if "total_entries" in fields or not view.startswith("version:")
        }
        return Changed(name, kept, judged=len(kept) == len(views))
