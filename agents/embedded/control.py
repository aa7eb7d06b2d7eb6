"""The control events of the embedded host: a small durable log beside that of the events, kept for ever.

It is written down as in Kafka (`wayfold.models.control`), under the topic kind `control` with one partition.
It lies in files of its own so that it is read whole without reading the events, and so that nothing that
drops old files of events drops what was decided.
"""

from pathlib import Path

from wayfold.agents.control.kafka import apply_control
from wayfold.agents.embedded.group_commit import GroupCommit
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.sink import Outgoing
from wayfold.models.control import CONTROL, ControlEvent, encode_control
from wayfold.state.control import ControlTable

READ_RECORDS = 1_000


class LocalControl:
    """The control log of a data directory, open for writing; `table` is what it says."""

    def __init__(self, log: DurableLog) -> None:
        self.log = log
        self.table = _read(log)
        self._commit = GroupCommit(log)

    @classmethod
    def open(cls, directory: Path, *, synced: bool = True) -> "LocalControl":
        """Open or create the log and read it whole; raises as `DurableLog.open` does."""
        log = DurableLog.open(directory, (CONTROL,), 1, synced=synced)
        try:
            return cls(log)
        except BaseException:
            log.close()
            raise

    async def append(self, event: ControlEvent) -> None:
        """Return when the event is durable, and holds; raises `SinkFailedError` when that cannot be."""
        key, value = event.key.encode(), encode_control(event)
        await self._commit.append([Outgoing(CONTROL, key, value, partition=0)])
        self.table.apply(key, value)

    async def close(self) -> None:
        """Finish what was asked for and close the log."""
        await self._commit.close()
        self.log.close()


def read_local_control(directory: Path) -> ControlTable:
    """Read what a control log says, which a host may be writing; nothing when there is none yet.

    Raises `LogDamagedError`.
    """
    return _read(DurableLog.open_to_read(directory)) if directory.exists() else ControlTable()


def _read(log: DurableLog) -> ControlTable:
    table = ControlTable()
    cursor = log.cursor({})
    try:
        while parts := cursor.next(READ_RECORDS):
            for part in parts:
                for record in part.records:
                    apply_control(table, record.offset, record.key, record.value)
    finally:
        cursor.close()
    return table
