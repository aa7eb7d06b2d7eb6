"""What the batch transport relies on in Faust 0.15.3 and aiokafka: an upgrade that changes one fails here."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.types import TP
from mode import Service

from wayfold.agents.worker.batch_transport import BatchConsumer, BatchTransport, RecordBatch
from wayfold.agents.worker.even_polling import EvenPollingThread
from wayfold.agents.worker.faust_app import AGENT_NAME, FoldApp, new_app
from wayfold.settings import KafkaSettings

ENTRIES = TP("t.entries", 1)


class Host:
    """Stands in for the worker and notes what Faust tells it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.room = True
        self.open: Mapping[TP, int] = {}

    def new_kafka_consumer(self) -> AIOKafkaConsumer:
        raise AssertionError("not in this test")

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        return self.open

    async def wait_for_room(self) -> bool:
        return self.room

    def on_forgotten(self) -> None:
        self.calls.append("forgotten")

    def on_revoked(self) -> None:
        self.calls.append("revoked")

    def on_assigned(self, assigned: set[TP]) -> None:
        self.calls.append(("assigned", assigned))

    def on_batch(self, batch: RecordBatch) -> None:
        self.calls.append(batch)

    def on_failure(self, error: BaseException) -> None:
        self.calls.append(error)


@pytest.fixture
async def host() -> Host:
    return Host()


@pytest.fixture
async def app(host: Host) -> FoldApp:
    return new_app(KafkaSettings(group="g"), ["t.entries", "t.steps"], host)


@pytest.fixture
async def consumer(app: FoldApp) -> BatchConsumer:
    consumer = app.consumer
    assert isinstance(consumer, BatchConsumer)
    return consumer


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("t.entries", 1, offset, 1_700_000_000_000, 0, b"user", b"{}", None, 4, 2, ())


def batch(*offsets: int) -> RecordBatch:
    return RecordBatch("t.entries", 1, [record(offset) for offset in offsets], offsets[0], offsets[-1] + 1)


def test_the_version_of_faust_is_the_one_that_was_read() -> None:
    """The transport overrides private methods, so the version is pinned exactly."""
    assert faust.__version__ == "0.15.3"


async def test_the_app_uses_our_transport_and_hears_of_rebalances_first(app: FoldApp, host: Host) -> None:
    """Faust makes the consumer from our transport and hands it the app's own rebalance callbacks."""
    assert isinstance(app.transport, BatchTransport)
    callbacks = (app.consumer._on_partitions_revoked, app.consumer._on_partitions_assigned)
    assert callbacks == (app._on_partitions_revoked, app._on_partitions_assigned)


async def test_no_web_server_and_no_producer_are_started(app: Any) -> None:
    """The boot strategy keeps Faust from binding port 6066 and from connecting a producer."""
    strategy = app.boot_strategy
    assert list(strategy.web_server()) == []
    assert list(strategy.kafka_producer()) == []
    assert app.consumer in list(strategy.kafka_consumer())


async def test_agent_and_topics_have_explicit_names(app: FoldApp) -> None:
    """Moving the code does not rename the agent, and topics are exactly the ones asked for."""
    assert list(app.agents) == [AGENT_NAME]
    assert app.agents[AGENT_NAME].channel.topics == ("t.entries", "t.steps")


async def test_a_poll_is_one_message(
    app: FoldApp, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust's getmany iterates what _getmany gave and wraps it with _to_message: a poll is one message."""
    given = [batch(5, 6, 7), RecordBatch("t.steps", 1, [record(1)], 1, 2)]

    async def poll(self: object, active: object, timeout: float) -> Mapping[TP, list[Any]]:
        return {ENTRIES: [given]}

    monkeypatch.setattr(Consumer, "_get_active_partitions", lambda self: {ENTRIES, TP("t.steps", 1)})
    monkeypatch.setattr("faust.transport.consumer.ThreadDelegateConsumer._getmany", poll)
    monkeypatch.setattr(consumer, "highwater", lambda tp: 8)
    consumer.resume_flow()
    messages = {tp: message async for tp, message in consumer.getmany(1.0)}
    assert messages.keys() == {ENTRIES}
    value: Any = messages[ENTRIES].value
    assert value is given
    assert messages[ENTRIES].offset == 5


async def test_nothing_is_fetched_while_there_is_no_room(
    consumer: BatchConsumer, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll without room gives nothing and does not reach the Kafka consumer."""
    host.room = False
    assert await consumer._getmany({ENTRIES}, 1.0) == {}


async def test_no_second_is_slept_before_the_first_record(
    app: Any, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a start without tables nor a poll before a partition is open sleeps as long as Faust would."""

    async def sleep(_: object, seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s")

    async def start(_: object) -> None:
        return None

    monkeypatch.setattr(Service, "sleep", sleep)
    monkeypatch.setattr(Recovery, "start", start)
    monkeypatch.setattr(consumer, "assignment", set)
    consumer.resume_flow()
    assert await consumer._wait_next_records(1.0) == (None, None)
    await app.tables.on_start()
    assert app.tables._tables_registered.is_set()


async def test_the_agent_is_given_the_poll_itself(app: Any, consumer: BatchConsumer) -> None:
    """The pass-through schema decodes nothing: the event's value is the poll object."""
    channel = app.agents[AGENT_NAME].channel
    given = [batch(3)]
    event = await channel.decode(consumer._to_message(ENTRIES, given), propagate=True)
    assert event.value is given
    assert event.key is None


async def test_nothing_is_acknowledged_to_faust(app: Any, consumer: BatchConsumer) -> None:
    """With acks off Faust tracks no offsets of ours, so it commits none and forgets none."""
    app.topics._topics.add(app.agents[AGENT_NAME].channel)
    await app.topics._update_indices()
    message = consumer._to_message(ENTRIES, [batch(3)])
    assert not app.topics.acks_enabled_for("t.entries")
    assert not consumer.ack(message)
    assert not consumer._acked


async def test_a_failing_agent_is_told_to_us(app: Any, host: Host) -> None:
    """Faust calls _on_agent_error of the app when an agent raises, before it would go on regardless."""
    agent = app.agents[AGENT_NAME]
    error = RuntimeError("broken")

    async def fail() -> None:
        raise error

    async def ignore(reason: BaseException) -> None:
        return None

    agent.supervisor = SimpleNamespace(wakeup=lambda: None)
    await agent._execute_actor(fail(), SimpleNamespace(crash=ignore))
    assert host.calls == [error]


async def test_seeks_go_to_the_stores_offsets_and_unopened_partitions_wait(
    consumer: BatchConsumer, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """perform_seek asks seek_to_committed, which seeks where the store stands and pauses the rest."""
    other = TP("t.entries", 2)
    sought: list[Mapping[TP, int]] = []

    async def seek(positions: Mapping[TP, int]) -> None:
        sought.append(positions)

    host.open = {ENTRIES: 42}
    monkeypatch.setattr(consumer, "assignment", lambda: {ENTRIES, other})
    monkeypatch.setattr(consumer, "seek_wait", seek)
    consumer._set_active_tps({ENTRIES, other})
    await consumer.perform_seek()
    assert sought == [{ENTRIES: 42}]
    assert consumer._get_active_partitions() == {ENTRIES}


@pytest.mark.parametrize("flow_is_open", [True, False])
async def test_what_is_read_again_is_never_dropped(
    app: FoldApp, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch, *, flow_is_open: bool
) -> None:
    """What was polled is handed on whatever came before: a seek back while a message is handed on holds."""
    fetcher: Any = SimpleNamespace(should_stop=False)
    polls = [[[batch(15, 16)]], [[batch(0, 1)]], [[batch(2, 3)]]]
    handed_on: list[int] = []

    async def poll(self: object, active_partitions: object, timeout: float) -> Mapping[TP, list[Any]]:
        if not polls:
            fetcher.should_stop = True
            return {}
        return {ENTRIES: polls.pop(0)}

    async def callback(message: Any) -> None:
        handed_on.append(message.offset)

    monkeypatch.setattr(Consumer, "_get_active_partitions", lambda self: {ENTRIES})
    monkeypatch.setattr(BatchConsumer, "_getmany", poll)
    monkeypatch.setattr(BatchConsumer, "highwater", lambda self, tp: None)
    consumer.callback = callback
    consumer.resume_flow()
    if flow_is_open:
        app.flow_control.resume()
    async with asyncio.timeout(30):
        await consumer._drain_messages(fetcher)
    assert handed_on == [15, 0, 2]


async def test_without_tables_a_rebalance_ends_with_our_seek_and_then_fetches(
    app: FoldApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery resumes partitions, seeks and only then lets messages flow: pausing in the seek holds."""
    order: list[str] = []

    async def seek() -> None:
        order.append("seek")

    monkeypatch.setattr(app.consumer, "assignment", lambda: {ENTRIES})
    monkeypatch.setattr(app.consumer, "resume_partitions", lambda tps: order.append("resume partitions"))
    monkeypatch.setattr(app.consumer, "perform_seek", seek)
    monkeypatch.setattr(app.consumer, "resume_flow", lambda: order.append("resume flow"))
    monkeypatch.setattr(app._fetcher, "maybe_start", seek)
    recovery = Recovery(app, app.tables)
    app.consumer_generation_id = 3
    await recovery._resume_streams(generation_id=3)
    assert order[:3] == ["resume partitions", "seek", "resume flow"]


class FakeFetcher:
    """As much of aiokafka's consumer as the batch thread touches."""

    def __init__(self) -> None:
        self.position = 10
        self.polled: list[dict[TP, list[Any]] | Exception] = []
        state = SimpleNamespace(state_value=lambda tp: self)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=state))


@asynccontextmanager
async def polling(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FakeFetcher, Any]]:
    fake = FakeFetcher()

    async def fetch(self: object, *given: object, **named: object) -> Mapping[TP, list[Any]]:
        records = fake.polled.pop(0)
        if isinstance(records, Exception):
            raise records
        for found in records.values():
            fake.position = found[-1].offset + 1
        return records

    monkeypatch.setattr(EvenPollingThread, "_fetch_records", fetch)
    thread = consumer._thread
    thread._ends[ENTRIES] = 10

    async def poll() -> RecordBatch | None:
        found = await thread._fetch_records(fake, {ENTRIES})
        return found[ENTRIES][0][0] if found else None

    yield fake, poll


async def test_batches_say_from_where_to_where_they_reach(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch starts where the last one ended, even when offsets in between hold no record."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [{ENTRIES: [record(10), record(11)]}, {ENTRIES: [record(13)]}]
        first, second = await poll(), await poll()
    assert (first.start, first.end) == (10, 12)
    assert (second.start, second.end) == (12, 14)


async def test_what_is_fetched_before_the_seek_is_dropped(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rebalance aiokafka begins at the group's offsets; nothing of that reaches the fold."""

    async def ignore(*given: object) -> None:
        return None

    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [{ENTRIES: [record(10)]}, {ENTRIES: [record(500)]}]
        await poll()
        monkeypatch.setattr(consumer, "threadsafe_partitions_assigned", ignore)
        await consumer._thread.on_partitions_assigned({ENTRIES}, 2)
        assert await poll() is None


@pytest.mark.parametrize(("generation", "told"), [(-1, ["forgotten"]), (3, [])])
async def test_a_member_that_was_forgotten_is_told(
    consumer: BatchConsumer, host: Host, monkeypatch: pytest.MonkeyPatch, generation: int, told: list[str]
) -> None:
    """aiokafka resets the generation when the group does not know it any more, and not in a rebalance."""

    async def ignore(*given: object) -> None:
        return None

    monkeypatch.setattr(consumer, "threadsafe_partitions_revoked", ignore)
    coordinator = SimpleNamespace(generation=generation)
    monkeypatch.setattr(consumer._thread, "_consumer", SimpleNamespace(_coordinator=coordinator))
    await consumer._thread.on_partitions_revoked({ENTRIES})
    assert host.calls == told


async def test_partitions_that_were_not_sought_yet_raise_nothing(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll overtaken by a rebalance may find no position, or one of the group's that is out of range."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        consumer._thread._ends.clear()
        fake.polled = [NoOffsetForPartitionError(ENTRIES), OffsetOutOfRangeError({ENTRIES: 7})]
        assert await poll() is None
        assert await poll() is None


async def test_a_sought_position_that_is_gone_is_an_error(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that retention took away from before our eyes stop the worker."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [OffsetOutOfRangeError({ENTRIES: 10})]
        with pytest.raises(OffsetOutOfRangeError):
            await poll()


def test_aiokafka_hands_over_records_without_giving_way() -> None:
    """Between taking the records and returning them fetched_records does not await: positions match them."""
    taken = inspect.getsource(Fetcher.fetched_records).split("drained = {}")[1].split("waiter =")[0]
    assert "return drained" in taken
    assert "await" not in taken
    assert "consumed_to(self._partition_records.next_fetch_offset)" in inspect.getsource(FetchResult)


def test_aiokafka_reports_a_lost_position_when_it_must_not_reset() -> None:
    """With auto_offset_reset="none" an offset out of range is an error for us, never a silent jump."""
    source = inspect.getsource(Fetcher._proc_fetch_request)
    assert "OffsetOutOfRangeError({tp: fetch_offset})" in source


async def test_seeking_tells_the_thread_where_the_next_batch_starts(consumer: BatchConsumer) -> None:
    """seek_wait ends in _seek_wait in the consumer's thread, where we note the position."""
    sought: dict[TP, int] = {}

    async def position(tp: TP) -> int:
        return sought[tp]

    fake = SimpleNamespace(seek=sought.__setitem__, position=position)
    await consumer._thread._seek_wait(fake, {ENTRIES: 7})
    assert sought == {ENTRIES: 7}
    assert consumer._thread._ends == {ENTRIES: 7}
    await asyncio.sleep(0)
