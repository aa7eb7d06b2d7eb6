"""The two hosts as processes, with the same partitions and settings, and what they made of a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from local_services import wait_until
from tests.agents.embedded.running import RunningHost, running_host
from tests.properties.through_apply_batch import Row, consumption
from tests.services.cluster import settings_for
from tests.services.processes import WorkerProcess
from wayfold.agents.dead_letters import list_letters
from wayfold.agents.embedded.dead_letters import list_local_letters
from wayfold.agents.embedded.open import letters_directory
from wayfold.agents.fold_settings import fold_settings
from wayfold.models.refusal import DeadLetter
from wayfold.settings import FoldSettings, RedisSettings, StateSettings, WorkerSettings
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query
from wayfold.state.store.store import Store, StoreMemory

Refused = Sequence[tuple[str, int, int, str]]
"""Topic kind, partition, offset and reason of every record that was refused."""
FOLD_S = 120.0
T = TypeVar("T")


class Hosts:
    """Settings of a cluster of one worker and of an embedded host, which fold alike, in one folder."""

    def __init__(
        self, kafka: str, redis_url: str, prefix: str, folder: Path, partitions: int, fold: FoldSettings
    ) -> None:
        self.folder = folder
        self.partitions = partitions
        self.data = folder / "data"
        self.cluster = settings_for(kafka, prefix, folder / "state", topic_partitions=partitions).model_copy(
            update={
                "state": StateSettings(directory=folder / "state"),
                "redis": RedisSettings(url=redis_url, prefix=prefix),
                "worker": WorkerSettings(port=0),
                "fold": fold,
            }
        )

    @contextmanager
    def worker(self, **changes: object) -> Iterator[WorkerProcess]:
        """Run the cluster's worker, with some groups of settings changed."""
        process = WorkerProcess("worker", self.cluster.model_copy(update=changes), self.folder)
        try:
            process.start()
            process.wait_for_log("partition_opened")
            yield process
        finally:
            process.close()

    @contextmanager
    def embedded(self) -> Iterator[RunningHost]:
        """Run the embedded host."""
        fold = self.cluster.fold
        given = {
            "WAYFOLD_EMBEDDED_PARTITIONS": str(self.partitions),
            "WAYFOLD_FOLD_RETENTION_DAYS": str(fold.retention_days),
            "WAYFOLD_FOLD_ACCOUNT_TIME_ZONES": json.dumps(dict(fold.account_time_zones)),
        }
        with running_host(self.data, **given) as host:
            yield host

    def cluster_letters(self) -> Refused:
        """What the cluster refused."""
        return _refused(list_letters(self.cluster.kafka))

    def embedded_letters(self) -> Refused:
        """What the embedded host refused."""
        return _refused(list_local_letters(letters_directory(self.data)))

    def answers(self, directory: Path, query: Query) -> Mapping[int, Mapping[str, Any]]:
        """What the stores of a host that has ended say, by partition."""
        return self._of_partitions(directory, lambda partition: partition.partial(query))

    def consumption(self, directory: Path) -> Mapping[int, Sequence[Row]]:
        """The consumption rows in the stores of a host that has ended, by partition."""
        return self._of_partitions(directory, consumption)

    def _of_partitions(self, directory: Path, read: Callable[[Partition], T]) -> Mapping[int, T]:
        settings = fold_settings(self.cluster, self.partitions, "murmur2")
        memory = StoreMemory(64 * 1024 * 1024)
        with ExitStack() as stack:
            found = {}
            for number in range(self.partitions):
                store = Store.open(directory / f"partition-{number}", memory, partition=number)
                partition = Partition(store, number, settings)
                stack.callback(partition.close)
                found[number] = read(partition)
        return found


def wait_until_host_folded(host: RunningHost, records: int) -> None:
    """Wait until an embedded host has folded so many records."""

    def is_folded() -> bool:
        answer = httpx.get(f"{host.url}/internal/partitions", timeout=30)
        rows = answer.json()["partitions"].values() if answer.is_success else ()
        return sum(int(row["sequence"]) for row in rows) == records

    wait_until(is_folded, seconds=FOLD_S, what=f"the host has folded {records} records")


def _refused(letters: Iterator[DeadLetter]) -> Refused:
    return sorted(
        (letter.topic, letter.partition, letter.offset, letter.refusal.reason.value) for letter in letters
    )
