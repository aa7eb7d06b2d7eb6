"""Many requests' appends in one synced write: while the disk syncs one group, the next one gathers."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.watches import Watches
from wayfold.agents.sink import Outgoing, SinkBusyError, SinkFailedError, SinkFullError
from wayfold.state.store.errors import FULL_ERRNOS, MAKE_ROOM

GROUP_RECORDS: Final = 2_000
WAITING_BYTES: Final = 64 << 20


class _Waiting(NamedTuple):
    """Records of one `append` that wait for the disk."""

    records: Sequence[Outgoing]
    size_bytes: int
    done: asyncio.Future[None]
    watch_id: str | None


class GroupCommit:
    """Appends to a log from coroutines; each `append` returns when its records are durable.

    At most `waiting_bytes` of records wait for the disk; beyond that `append` raises `SinkBusyError`.
    `appended` is set whenever records became readable, and `unread_since_ms` is when the first of them did,
    in milliseconds UTC; whoever reads the log calls `take_note` before it reads.
    """

    def __init__(
        self, log: DurableLog, waiting_bytes: int = WAITING_BYTES, watches: Watches | None = None
    ) -> None:
        self.log = log
        self.watches = watches or Watches()
        self.appended = asyncio.Event()
        self.unread_since_ms: int | None = None
        self._limit_bytes = waiting_bytes
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wayfold-log")
        self._closed = False

    async def append(self, records: Sequence[Outgoing], watch_id: str | None = None) -> None:
        """Return when every record is durable, and belongs to the watch; see `EventSink.append`."""
        if not records:
            return
        for record in records:
            self.log.require_place(record)
        if self._closed:
            raise SinkFailedError("Wayfold is shutting down: send the events again in a moment.")
        size = sum(len(record.value or b"") for record in records)
        if self._waiting and self._waiting_bytes + size > self._limit_bytes:
            raise SinkBusyError("Too many events wait for the disk: send them again in a moment.", 1)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(records, size, done, watch_id))
        self._waiting_bytes += size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_groups())
        # A request that goes away must not take back what others wait for.
        await asyncio.shield(done)

    def take_note(self) -> None:
        """Forget that there is something to read: it is about to be read."""
        self.appended.clear()
        self.unread_since_ms = None

    async def close(self) -> None:
        """Finish what was asked for and take no more."""
        self._closed = True
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()

    async def _write_groups(self) -> None:
        try:
            while self._waiting:
                group = self._take_group()
                # Before they are written: what is in the log may be folded at once.
                noted = self.watches.expect(
                    [(one.records, one.watch_id) for one in group],
                    self.log.next_offsets(),
                    self.log.partitions,
                )
                error = await self._write([record for one in group for record in one.records])
                if error is not None:
                    self.watches.withdraw(noted)
                for waiter in (one.done for one in group):
                    if waiter.done():
                        continue
                    if error is None:
                        waiter.set_result(None)
                    else:
                        waiter.set_exception(error)
                if error is None:
                    if self.unread_since_ms is None:
                        self.unread_since_ms = time.time_ns() // 1_000_000
                    self.appended.set()
        finally:
            self._writer = None

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        records = 0
        while self._waiting and records < GROUP_RECORDS:
            one = self._waiting.pop(0)
            self._waiting_bytes -= one.size_bytes
            records += len(one.records)
            group.append(one)
        return group

    async def _write(self, records: list[Outgoing]) -> Exception | None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self.log.append, records)
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                return SinkFullError(
                    f"The disk of {self.log.directory} is full, and no event was taken. {MAKE_ROOM} Then "
                    "send the events again; what was accepted before is kept, and numbers can be read."
                )
            return SinkFailedError(
                f"The events could not be written to {self.log.directory}: {error}. Check the disk's space "
                "and health, then send them again; an event that did arrive is not counted twice."
            )
        except Exception as error:
            # A bug must not leave requests waiting for ever.
            return error
        return None
