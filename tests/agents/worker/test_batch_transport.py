"""What the batch transport relies on in Faust 0.15.3 and aiokafka: an upgrade that changes one fails here."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.types import TP
from mode import Service

from tests.agents.worker.hosting import ENTRIES, Host, batch, record
from wayfold.agents.worker.batch_transport import BatchConsumer, BatchTransport, RecordBatch
from wayfold.agents.worker.faust_app import AGENT_NAME, FoldApp


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
