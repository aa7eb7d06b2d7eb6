"""The Faust app: one agent over all event topics, which hands each batch to the lane of its partition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import faust
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager

from wayfold.agents.worker.batch_transport import BatchHost, BatchTransport, PassThroughSchema

if TYPE_CHECKING:
    from faust.types import TP, AgentT, StreamT
    from faust.types.transports import TransportT

    from wayfold.agents.worker.batch_transport import Poll, RecordBatch
    from wayfold.settings import KafkaSettings

AGENT_NAME = "wayfold-fold"


class AppHost(BatchHost, Protocol):
    """What the app tells the worker."""

    def on_revoked(self) -> None:
        """Stop folding: the group is sharing its partitions out again."""

    def on_assigned(self, assigned: set[TP]) -> None:
        """Hold these partitions and no others."""

    def on_batch(self, batch: RecordBatch) -> None:
        """Take a batch in; returns at once."""

    def on_failure(self, error: BaseException) -> None:
        """Stop the worker."""


class ConsumerOnly(BootStrategy):
    """Starts neither Faust's web server, which would bind port 6066, nor its producer."""

    enable_web = False
    enable_kafka_producer = False


class NoTables(TableManager):
    """Manages no tables, and so does not wait a second for them to be declared."""

    async def on_start(self) -> None:
        """Start at once."""
        await self._update_channels()
        await self.recovery.start()


class FoldApp(faust.App):
    """A Faust app without tables, web server, own directories or a leader topic."""

    BootStrategy = ConsumerOnly
    host: AppHost

    def _new_transport(self) -> TransportT:
        transport = BatchTransport(self.conf.broker_consumer, self)
        transport.host = self.host
        return transport

    async def on_first_start(self) -> None:
        """Make none of Faust's directories."""

    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        """Stop the worker: Faust would go on with the next batch."""
        self.host.on_failure(exc)

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.host.on_revoked()
        await super()._on_partitions_revoked(revoked)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.host.on_assigned(assigned)
        await super()._on_partitions_assigned(assigned, generation_id)


def new_app(settings: KafkaSettings, topics: Iterable[str], host: AppHost) -> FoldApp:
    """Make the app of a worker that reads these topics; has to run in the loop that will run the app.

    Agent and topics have explicit names, so that moving code never moves what they are in Kafka.
    """
    app = FoldApp(
        settings.group,
        broker=f"kafka://{settings.bootstrap_servers}",
        store="memory://",
        TableManager=NoTables,
        topic_allow_declare=False,
        topic_disable_leader=True,
        # Nothing is acknowledged to Faust: what is done is in the store, and nowhere else.
        stream_wait_empty=False,
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_heartbeat_interval=settings.heartbeat_interval_ms / 1000,
        broker_request_timeout=max(settings.request_timeout_ms, settings.session_timeout_ms) / 1000,
    )
    app.host = host
    channel = app.topic(*topics, schema=PassThroughSchema(), acks=False, internal=False)

    async def fold(stream: StreamT[Poll]) -> None:
        async for poll in stream:
            for batch in poll:
                host.on_batch(batch)

    app.agent(channel, name=AGENT_NAME)(fold)
    return app
