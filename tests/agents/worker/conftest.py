"""The Faust app over our transport, with a stand-in for the worker."""

import pytest

from tests.agents.worker.hosting import Host
from wayfold.agents.worker.batch_transport import BatchConsumer
from wayfold.agents.worker.faust_app import FoldApp, new_app
from wayfold.settings import KafkaSettings


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
