"""`POST /v1/definitions` and `wayfold define`: a version reaches every partition, or its errors are named."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.agents.fakes import KeptRecords
from wayfold.agents.definitions import (
    DefinitionRefusedError,
    definition_record,
    load_definition,
    publish_definition,
)
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.agents.ingest import http
from wayfold.agents.ingest.accept import Rejected, check_events
from wayfold.agents.ingest.http import ingest_router
from wayfold.models.decode import decode_event
from wayfold.models.definition import DefinitionError, JourneyDefinition
from wayfold.models.definition_file import parse_definition
from wayfold.models.events import JourneyDefined
from wayfold.models.refusal import Reason

YAML = b"""
journey_id: welcome
journey_version: 1
name: Welcome
steps:
  - {step_id: hello, type: message, channel: email}
goal: {name: purchase_completed}
conversion_window: 2d
"""


@pytest.fixture
def sink() -> KeptRecords:
    """Records that were accepted."""
    return KeptRecords()


@pytest.fixture
async def client(sink: KeptRecords) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A client of an application in which version 9 of `welcome` is defined as it is in YAML."""
    nine = parse_definition(YAML.replace(b"version: 1", b"version: 9"))

    def known(account_id: str, journey_id: str, version: int) -> JourneyDefinition | None:
        return nine if (account_id, journey_id, version) == ("default", "welcome", 9) else None

    async with AsyncTestClient(Litestar([ingest_router(sink, known)])) as client:
        yield client


async def test_a_definition_is_published_as_an_event(
    client: AsyncTestClient[Litestar], sink: KeptRecords
) -> None:
    """YAML and JSON are taken alike, and the record is a valid `journey.defined` without a key."""
    answer = await client.post("/v1/definitions", content=YAML, headers={"content-type": "application/yaml"})
    assert answer.status_code == 202
    assert answer.json() == {"account_id": "default", "journey_id": "welcome", "journey_version": 1}
    (record,) = sink.records
    assert (record.kind, record.key) == ("definitions", None)
    event = decode_event("definitions", record.value)
    assert isinstance(event, JourneyDefined)
    assert event.definition == parse_definition(YAML)
    assert event.definition.conversion_window_ms == 2 * 86_400_000


async def test_a_wrong_definition_names_every_field(
    client: AsyncTestClient[Litestar], sink: KeptRecords
) -> None:
    """Each wrong field comes with its fix, and nothing is published."""
    wrong = YAML.replace(b"channel: email", b"chanel: email").replace(b"version: 1", b"version: 0")
    answer = await client.post("/v1/definitions", content=wrong)
    assert answer.status_code == 422
    body = answer.json()
    assert body["type"] == "urn:wayfold:problem:wrong-definition"
    assert {"journey_version", "steps[0].chanel"} <= {each["field"] for each in body["problems"]}
    assert sink.records == []


async def test_another_content_for_a_version_is_a_conflict(
    client: AsyncTestClient[Litestar], sink: KeptRecords
) -> None:
    """A version that is known keeps its content; the same content again is accepted."""
    nine = YAML.replace(b"version: 1", b"version: 9")
    assert (await client.post("/v1/definitions", content=nine)).status_code == 202
    answer = await client.post("/v1/definitions", content=nine.replace(b"2d", b"3d"))
    assert answer.status_code == 409
    assert "publish the change as the next version" in answer.json()["detail"]
    assert len(sink.records) == 1


async def test_a_conflict_is_told_to_a_sender_of_events_too() -> None:
    """`journey.defined` among events gets the same verdict."""
    definition = parse_definition(YAML)
    changed = definition_record(parse_definition(YAML.replace(b"2d", b"3d")))
    checked = await check_events([changed.value or b""], known=lambda *_: definition)
    assert [each.reason for each in checked.rejected] == [Reason.DEFINITION_CONFLICT]


async def test_the_loop_turns_while_a_definition_is_parsed(
    sink: KeptRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a definition takes to be parsed, other requests are answered meanwhile."""
    begun, answered = threading.Event(), threading.Event()

    def parse(body: bytes) -> JourneyDefinition:
        begun.set()
        assert answered.wait(30), "nothing else was answered while a definition was parsed"
        return parse_definition(body)

    monkeypatch.setattr(http, "parse_definition", parse)

    async def send_an_event(client: httpx.AsyncClient) -> None:
        await asyncio.to_thread(begun.wait, 30)
        event = definition_record(parse_definition(YAML)).value or b""
        answer = await client.post("/v1/events", content=event, headers={"content-type": "application/json"})
        assert answer.status_code == 202
        answered.set()

    # Both requests run in this loop, as they do in a server.
    application: Any = Litestar([ingest_router(sink)])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        defined, _ = await asyncio.gather(client.post("/v1/definitions", content=YAML), send_an_event(client))
    assert defined.status_code == 202
    assert len(sink.records) == 2


async def test_too_much_yaml_is_refused_before_it_is_parsed(
    client: AsyncTestClient[Litestar], sink: KeptRecords
) -> None:
    """A megabyte of YAML is answered with what to send instead."""
    answer = await client.post("/v1/definitions", content=YAML + b"# " + b"x" * 1_000_000)
    assert answer.status_code == 422
    assert "write it as JSON" in answer.json()["detail"]
    assert sink.records == []


async def test_a_definition_with_ways_and_menus_is_published_whole(
    client: AsyncTestClient[Litestar], sink: KeptRecords
) -> None:
    """Where steps lead and what menus expect reach the log."""
    canvas = YAML.replace(
        b"type: message, channel: email}",
        b"""type: message, channel: email, next: [{step_id: call, name: "no"}]}
  - {step_id: call, type: ivr_menu, nodes: [{node_id: root, inputs: ["1"]}]}""",
    )
    assert (await client.post("/v1/definitions", content=canvas)).status_code == 202
    event = decode_event("definitions", sink.records[0].value)
    assert isinstance(event, JourneyDefined)
    assert event.definition == parse_definition(canvas)
    assert event.definition.steps[1].nodes is not None


async def test_define_publishes_a_file(tmp_path: Path, sink: KeptRecords) -> None:
    """A file is read, checked and sent; sending it again has the same event id."""
    path = tmp_path / "journey.yaml"
    path.write_bytes(YAML)
    for _ in range(2):
        await publish_definition(SinkDestination(sink), load_definition(path))
    first, second = (msgspec.json.decode(record.value or b"") for record in sink.records)
    assert first["event_id"] == second["event_id"]


def test_a_wrong_file_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    """Errors of a file name their fields."""
    path = tmp_path / "journey.json"
    path.write_text('{"journey_id": "welcome", "steps": []}')
    with pytest.raises(DefinitionError, match="journey_version is missing"):
        load_definition(path)


async def test_a_refused_definition_is_an_error() -> None:
    """What the other side says against a definition is what the caller hears."""

    class Refusing(SinkDestination):
        async def send(self, records: object) -> list[Rejected]:
            return [Rejected(0, None, Reason.DEFINITION_CONFLICT, "", "It is defined already.")]

    with pytest.raises(DefinitionRefusedError, match="defined already"):
        await publish_definition(Refusing(KeptRecords()), parse_definition(YAML))
