"""Skipping a record of the embedded host: in a running one, or in the data directory of one that stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wayfold.agents.control.skipping import Extent, SkipRefusedError, SkipRequest, check_offset, check_place
from wayfold.agents.embedded.control import LocalControl
from wayfold.agents.embedded.lock import LogInUseError
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import Opened, control_directory, events_directory, partition_directory
from wayfold.state.commit import decode_meta
from wayfold.state.store import keys
from wayfold.state.store.store import Store, StoreMemory

STORE_MEMORY_BYTES: Final = 32 << 20


async def skip_in_host(host: Opened, request: SkipRequest) -> None:
    """Skip a record while the host runs: from the answer on it is refused.

    Raises `SkipRefusedError`, or `SinkFailedError` when it cannot be written.
    """
    log = host.host.log
    check_place(request, log.partitions)
    opened = host.host.opened[request.partition]
    # No batch of the partition is folded meanwhile: what is not counted now is not counted at all.
    async with opened.lock:
        check_offset(request, _extent(log, request, opened.partition.offsets), host.control.table.skips())
        await host.control.append(request.event())


async def skip_in_directory(directory: Path, request: SkipRequest) -> None:
    """Skip a record in the data directory of a host that does not run.

    Raises `SkipRefusedError`, `LogUnusableError` when there is no log, `StoreRefusedError`, or
    `SinkFailedError` when it cannot be written.
    """
    log = DurableLog.open_to_read(events_directory(directory))
    check_place(request, log.partitions)
    try:
        control = LocalControl.open(control_directory(directory))
    except LogInUseError as error:
        raise SkipRefusedError(
            f"A host runs with {directory}: give its address (--url http://…) in place of the directory, or "
            "stop it first."
        ) from error
    try:
        extent = _extent(log, request, _counted(directory, request.partition))
        check_offset(request, extent, control.table.skips())
        await control.append(request.event())
    finally:
        await control.close()


def _extent(log: DurableLog, request: SkipRequest, counted: Mapping[str, int]) -> Extent:
    place = (request.topic, request.partition)
    return Extent(
        log.first_offsets().get(place, 0),
        log.next_offsets().get(place, 0),
        counted.get(request.topic, 0),
    )


def _counted(directory: Path, number: int) -> Mapping[str, int]:
    """Read the next offset to count of each topic kind from a partition's store."""
    path = partition_directory(directory, number)
    if not path.exists():
        return {}
    store = Store.open(path, StoreMemory(STORE_MEMORY_BYTES), partition=number)
    try:
        row = store.get(keys.META)
    finally:
        store.close()
    return {} if row is None else decode_meta(row).offsets
