"""What the pusher asks of a partition: its committed views, and the definitions behind them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.fences import Offsets
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.models.definition import JourneyDefinition
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.partition import Partition
from wayfold.state.reading.partition_numbers import definitions_of
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
    def commits(self) -> int:
        """Grows with every commit, also with one that folded no record."""

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` accepted here, in milliseconds UTC; -1 when none was."""

    def names(self) -> list[JourneyName]:
        """Every journey, and every account under the journey id ""."""

    @property
    def watermarks(self) -> Mapping[str, int]:
        """The watermark here of each account that has one, in milliseconds UTC."""

    def watermark_of(self, account_id: str) -> int:
        """The watermark here of an account, in milliseconds UTC; -1 when it has none."""

    def read(self, name: JourneyName, watermark_ms: int) -> Mapping[str, Fields]:
        """All views of a journey, open windows judged at a watermark of its account."""

    def changed(self, watermarks: Mapping[str, int]) -> Iterable[Changed]:
        """Views that changed since the last call, but for those held back until `held_until_s`."""

    @property
    def held_until_s(self) -> float:
        """When `changed` gives the views that it holds back, on the monotonic clock; infinite for none."""

    def hurry(self) -> None:
        """Hold nothing back in the next call of `changed`."""

    def described(self) -> Iterator[tuple[JourneyName, Mapping[str, str]]]:
        """What readers need beside numbers: version → definition as JSON; an account's time zone."""


class _Described(NamedTuple):
    """The definitions of a journey, with how many others contradict each, and as JSON."""

    definitions: Mapping[int, JourneyDefinition]
    conflicts: Mapping[int, int]
    texts: Mapping[str, str]


def _are_same(some: Mapping[int, JourneyDefinition], others: Mapping[int, JourneyDefinition]) -> bool:
    return len(some) == len(others) and all(others.get(version) is one for version, one in some.items())


class PartitionViews:
    """The committed views of a partition of the fold."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._accounts: set[JourneyName] = set()
        self._described: dict[int, _Described] = {}
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

    @property
    def commits(self) -> int:
        """Grows with every commit, also with one that folded no record."""
        return self._partition.commits

    def names(self) -> list[JourneyName]:
        """Every journey, and every account under the journey id ""."""
        return [JourneyName(*name) for name in self._partition.catalog.scopes]

    @property
    def watermarks(self) -> Mapping[str, int]:
        """The watermark here of each account that has one, in milliseconds UTC."""
        return self._partition.watermarks

    def watermark_of(self, account_id: str) -> int:
        """The watermark here of an account, in milliseconds UTC; -1 when it has none."""
        account = self._partition.catalog.accounts.get(account_id)
        return -1 if account is None else account.watermark_ms

    def read(self, name: JourneyName, watermark_ms: int) -> Mapping[str, Fields]:
        """All views of a journey, open windows judged at a watermark of its account.

        While a late definition goes through its histories, those from before.
        """
        scope = self._partition.catalog.scopes.get((name.account_id, name.journey_id))
        if scope is None or watermark_ms < 0:
            return {}  # before the first event there are definitions only
        if scope.frozen is not None:
            return scope.frozen
        if name.journey_id:
            return self._partition.reader.all_time(scope, watermark_ms)
        return self._partition.reader.views(scope, EVERYTHING, watermark_ms)

    def changed(self, watermarks: Mapping[str, int]) -> Iterable[Changed]:
        """Views that changed since the last call, but for those held back until `held_until_s`.

        An account's channels are: their users are counted from sets, not kept.
        """
        for row in self._partition.changed_views(watermarks):
            name = JourneyName(row.account_id, row.journey_id)
            if ACCOUNT in row.views:
                self._accounts.add(name)
                yield Changed(name, {view: fields for view, fields in row.views.items() if view != ACCOUNT})
            else:
                yield self._complete(name, row.views, watermarks[name.account_id])
        if time.monotonic() >= self.held_until_s:
            for name in self._accounts:
                yield Changed(name, {ACCOUNT: self.read(name, watermarks[name.account_id]).get(ACCOUNT, {})})
            self._accounts.clear()
            self._accounts_at_s = time.monotonic() + ACCOUNT_INTERVAL_S

    @property
    def held_until_s(self) -> float:
        """When `changed` gives the views that it holds back, on the monotonic clock; infinite for none."""
        return self._accounts_at_s if self._accounts else float("inf")

    def hurry(self) -> None:
        """Hold nothing back in the next call of `changed`."""
        self._accounts_at_s = 0.0

    def described(self) -> Iterator[tuple[JourneyName, Mapping[str, str]]]:
        """What readers need beside numbers: version → definition as JSON; an account's time zone."""
        for key, scope in list(self._partition.catalog.scopes.items()):
            name = JourneyName(*key)
            yield name, self._definitions(scope) if name.journey_id else {TIME_ZONE: scope.zone.name}

    def _definitions(self, scope: JourneyScope) -> Mapping[str, str]:
        """The definitions of a journey as JSON, made anew only when one was replaced or contradicted."""
        known = self._described.get(scope.number)
        conflicts = dict(scope.definition_conflicts)
        if (
            known is None
            or known.conflicts != conflicts
            or not _are_same(known.definitions, scope.definitions)
        ):
            texts = {version: _encode(row).decode() for version, row in definitions_of(scope).items()}
            known = self._described[scope.number] = _Described(dict(scope.definitions), conflicts, texts)
        return known.texts

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
