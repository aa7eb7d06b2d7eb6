"""The embedded host on its directory: log, dead letters and stores opened as the settings say."""

import shlex
from pathlib import Path

from wayfold.agents.control import warn_of_late_skips
from wayfold.agents.embedded.control import LocalControl
from wayfold.agents.embedded.dead_letters import LocalDeadLetters
from wayfold.agents.embedded.host import EmbeddedHost, HostLimits
from wayfold.agents.embedded.log import DurableLog, LogUnusableError
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.sink import EVENT_KINDS
from wayfold.models.definition import JourneyDefinition
from wayfold.settings import Settings
from wayfold.state.partition import Partition
from wayfold.state.store.store import Store, StoreMemory
from wayfold.state.telemetry import Telemetry


def events_directory(directory: Path) -> Path:
    """Where a data directory has the log of its events."""
    return directory / "log" / "events"


def letters_directory(directory: Path) -> Path:
    """Where a data directory has its dead letters."""
    return directory / "log" / "dead-letters"


def control_directory(directory: Path) -> Path:
    """Where a data directory has what operators decided."""
    return directory / "log" / "control"


def state_directory(directory: Path, number: int) -> Path:
    """Where a data directory has the state of a partition."""
    return directory / "state" / f"partition-{number}"


class Opened:
    """An embedded host with everything that it has open, to be closed together."""

    def __init__(
        self,
        host: EmbeddedHost,
        dead_letters: LocalDeadLetters,
        control: LocalControl,
        partitions: list[Partition],
        memory: StoreMemory,
    ) -> None:
        self.host = host
        self.dead_letters = dead_letters
        self.control = control
        self.partitions = partitions
        self.memory = memory

    def definition(self, account_id: str, journey_id: str, version: int) -> JourneyDefinition | None:
        """Give the definition of a journey version, None when it has none yet."""
        scope = self.partitions[0].catalog.scopes.get((account_id, journey_id))
        return None if scope is None else scope.definitions.get(version)

    async def close(self) -> None:
        """Stop the host; what is durable and not folded yet is folded after the next start."""
        await self.host.stop()
        await self.dead_letters.close()
        await self.control.close()


def open_host(
    settings: Settings, *, telemetry: Telemetry | None = None, limits: HostLimits | None = None
) -> Opened:
    """Open the embedded host's directory; the host is not started yet.

    Raises `LogInUseError`, `LogUnusableError` or `LogDamagedError` for the log, `StoreRefusedError` for a
    store; each says what to do.
    """
    embedded = settings.embedded
    try:
        log = DurableLog.open(
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
    partitions: list[Partition] = []
    letters: LocalDeadLetters | None = None
    control: LocalControl | None = None
    try:
        control = LocalControl.open(control_directory(embedded.directory), synced=embedded.durable)
        letters = LocalDeadLetters.open(letters_directory(embedded.directory), synced=embedded.durable)
        memory = StoreMemory(settings.state.memory_limit_bytes)
        fold = fold_settings(settings, log.partitions, "murmur2")
        for number in range(log.partitions):
            path = state_directory(embedded.directory, number)
            store = Store.open(path, memory, partition=number)
            skipped = control.table.skipped_in(number)
            partitions.append(Partition(store, number, fold, skipped))
            warn_of_late_skips(partitions[-1], skipped)
        host = EmbeddedHost(
            log,
            partitions,
            letters,
            telemetry=telemetry,
            limits=limits,
            skip_options=f"--data {shlex.quote(str(embedded.directory))}",
        )
    except BaseException:
        for partition in partitions:
            partition.close()
        if letters is not None:
            letters.log.close()
        if control is not None:
            control.log.close()
        log.close()
        raise
    return Opened(host, letters, control, partitions, memory)
