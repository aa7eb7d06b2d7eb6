"""The embedded host on its directory: log, dead letters and stores opened as the settings say."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from wayfold.agents.embedded.control import LocalControl
from wayfold.agents.embedded.dead_letters import LocalDeadLetters
from wayfold.agents.embedded.host import EmbeddedHost, HostLimits
from wayfold.agents.embedded.log import DurableLog, LogUnusableError, Position
from wayfold.agents.embedded.trimming import LogTrimmer
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.sink import EVENT_KINDS
from wayfold.agents.states.lost_records import LostRecordsError, lost_records
from wayfold.agents.states.partition_states import PartitionStates
from wayfold.agents.states.snapshot_storage import open_snapshots
from wayfold.agents.states.snapshotting import SnapshotTaker
from wayfold.agents.states.state_directory import StateDirectory
from wayfold.models.definition import JourneyDefinition
from wayfold.settings import Settings
from wayfold.state.intake.refusals import DAY_MS
from wayfold.state.partition import Partition
from wayfold.state.snapshots.log_identity import LogIdentity, calendar_of, zones_in_use
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import StoreMemory
from wayfold.state.telemetry import Telemetry


def events_directory(directory: Path) -> Path:
    """Where a data directory has the log of its events."""
    return directory / "log" / "events"


def state_directory(directory: Path) -> Path:
    """Where a data directory has its state."""
    return directory / "state"


def letters_directory(directory: Path) -> Path:
    """Where a data directory has its dead letters."""
    return directory / "log" / "dead-letters"


def control_directory(directory: Path) -> Path:
    """Where a data directory has what operators decided."""
    return directory / "log" / "control"


def partition_directory(directory: Path, number: int) -> Path:
    """Where a data directory has the state of a partition."""
    return state_directory(directory) / f"partition-{number}"


def log_identity(settings: Settings, log: DurableLog) -> LogIdentity:
    """Say which log this is."""
    fold = settings.fold
    return LogIdentity(
        log_id=log.log_id,
        partitions=log.partitions,
        partitioner="murmur2",
        topic_ids={"the event log": log.log_id},
        calendar=calendar_of(zones_in_use(fold.time_zone, fold.account_time_zones)),
    )


class Opened:
    """An embedded host with everything that it has open, to be closed together."""

    def __init__(
        self,
        host: EmbeddedHost,
        dead_letters: LocalDeadLetters,
        control: LocalControl,
        memory: StoreMemory,
        directory: StateDirectory,
        snapshots: SnapshotTaker | None,
    ) -> None:
        self.host = host
        self.dead_letters = dead_letters
        self.control = control
        self.memory = memory
        self.directory = directory
        self.snapshots = snapshots

    @property
    def partitions(self) -> list[Partition]:
        """The partitions that are open now, in order of their number."""
        return [cast("Partition", opened.partition) for opened in self.host.opened]

    def definition(self, account_id: str, journey_id: str, version: int) -> JourneyDefinition | None:
        """Give the definition of a journey version, None when it has none yet."""
        scope = self.partitions[0].catalog.scopes.get((account_id, journey_id))
        return None if scope is None else scope.definitions.get(version)

    async def close(self) -> None:
        """Stop the host; what is durable and not folded yet is folded after the next start."""
        await self.host.stop()
        await self.dead_letters.close()
        await self.control.close()
        self.directory.close()


def open_host(
    settings: Settings,
    *,
    telemetry: Telemetry | None = None,
    limits: HostLimits | None = None,
    start_at_oldest: bool = False,
) -> Opened:
    """Open the embedded host's directory; the host is not started yet.

    `start_at_oldest` goes on without records that were trimmed when there is no state that has them. Raises
    `LogInUseError`, `LogUnusableError` or `LogDamagedError` for the log, `StoreRefusedError` for a store,
    `StateDirectoryError` when the state is of another log, `LostRecordsError` when the log has not all that
    would have to be folded, `SnapshotError` or `SnapshotUrlError` for the snapshots; each says what to do.
    """
    embedded = settings.embedded
    with ExitStack() as undo:
        log = _open_log(settings)
        undo.callback(log.close)
        control = LocalControl.open(control_directory(embedded.directory), synced=embedded.durable)
        undo.callback(control.log.close)
        letters = LocalDeadLetters.open(letters_directory(embedded.directory), synced=embedded.durable)
        undo.callback(letters.log.close)
        identity = log_identity(settings, log)
        directory = StateDirectory.open(state_directory(embedded.directory), identity)
        undo.callback(directory.close)
        memory = StoreMemory(settings.state.memory_limit_bytes)
        snapshots = open_snapshots(settings.state, identity)
        fold = fold_settings(settings, log.partitions, "murmur2")
        states = PartitionStates(
            directory, memory, fold, snapshots, control.table.skipped_in, start_at_oldest=start_at_oldest
        )
        partitions: list[Partition] = []
        for partition in _open_partitions(log, states):
            undo.callback(partition.close)
            partitions.append(partition)
        host = EmbeddedHost(
            log,
            partitions,
            letters,
            telemetry=telemetry,
            limits=limits,
            skip_options=f"--data {shlex.quote(str(embedded.directory))}",
            reopen=states.reopen,
        )
        taker = None if snapshots is None else _snapshot_taker(settings, host, snapshots)
        undo.pop_all()
    return Opened(host, letters, control, memory, directory, taker)


def _open_log(settings: Settings) -> DurableLog:
    embedded = settings.embedded
    try:
        return DurableLog.open(
            events_directory(embedded.directory),
            EVENT_KINDS,
            embedded.partitions,
            embedded.segment_bytes,
            synced=embedded.durable,
        )
    except OSError as error:
        raise LogUnusableError(
            f"the data directory {embedded.directory} cannot be used: {error.strerror} ({error.filename}). "
            "Make it writable, or name another one with --data or embedded.directory."
        ) from error


def _open_partitions(log: DurableLog, states: PartitionStates) -> Iterator[Partition]:
    """Open every partition, or none when records are gone that one of them would have to fold."""
    first, upcoming = log.first_offsets(), log.next_offsets()
    numbers = range(log.partitions)
    begins = [_of_partition(first, number) for number in numbers]
    ends = [_of_partition(upcoming, number) for number in numbers]
    try:
        lost = [one for number in numbers for one in states.lost(number, begins[number], ends[number])]
        if lost:
            raise LostRecordsError(lost, with_state=False)
        for number in numbers:
            partition = states.open(number, begins[number], ends[number])
            yield partition
            lost = list(lost_records(number, partition.offsets, begins[number]))
            if lost:
                raise LostRecordsError(lost, with_state=True)
    except LostRecordsError as error:
        places = [(one.kind, one.partition) for one in error.lost]
        found = {place: log.read(*place, first[place], 1) for place in places}
        times = {place: records[0].timestamp for place, records in found.items() if records}
        raise error.at_times(times) from None


def _of_partition(offsets: Mapping[Position, int], number: int) -> dict[str, int]:
    return {kind: offset for (kind, partition), offset in offsets.items() if partition == number}


def _snapshot_taker(settings: Settings, host: EmbeddedHost, snapshots: Snapshots) -> SnapshotTaker:
    """Make what takes snapshots, and trims the log after them when the settings say so."""
    taker = SnapshotTaker(snapshots, lambda: host.opened, host.telemetry, settings.state.snapshot_interval_s)
    days = settings.embedded.log_retention_days
    if days is not None:
        scratch = state_directory(settings.embedded.directory) / "snapshot-read-back"
        taker.after = LogTrimmer(host.log, snapshots, days * DAY_MS, scratch).trim
    return taker
