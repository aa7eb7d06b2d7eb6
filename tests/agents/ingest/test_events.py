"""`POST /v1/events`: what is answered is durable, and every event that is not taken is named."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.agents.fakes import KeptRecords
from wayfold.agents.ingest import bodies
from wayfold.agents.ingest.http import ingest_router
from wayfold.agents.sink import SinkBusyError, SinkFailedError, SinkFullError, partitions_of
from wayfold.exporters.api.problems import EXCEPTION_HANDLERS

Client = AsyncTestClient[Litestar]


@pytest.fixture
def sink() -> KeptRecords:
    """Records that were accepted."""
    return KeptRecords()


@pytest.fixture
async def client(sink: KeptRecords) -> AsyncIterator[Client]:
    """A client of an application that only has the ingest."""
    app = Litestar([ingest_router(sink, maximum_events=100)], request_max_body_size=50_000)
    async with AsyncTestClient(app) as client:
        yield client


def event(event_id: str = "e-1", **fields: Any) -> dict[str, Any]:
    return {
        "type": "step.entered",
        "event_id": event_id,
        "occurred_at": "2026-11-01T12:00:00Z",
        "user_id": "ada",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n-1",
        "step_id": "hello",
        **fields,
    }


async def post(client: Client, body: Any, content_type: str = "application/json", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/v1/events", content=content, headers={"content-type": content_type, **headers})


async def test_one_event_is_kept_byte_for_byte(client: Client, sink: KeptRecords) -> None:
    """A single JSON object is appended as it was sent, keyed by its user, to its topic kind."""
    body = json.dumps(event(extra=[1, 2])).encode()
    answer = await post(client, body)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "rejected": []}
    (record,) = sink.records
    assert (record.kind, record.key, record.value) == ("steps", b"ada", body)


async def test_an_array_is_taken_in_order(client: Client, sink: KeptRecords) -> None:
    """An array of events of several types is split, each to its topic kind."""
    goal = {
        "type": "goal.reached",
        "event_id": "g",
        "occurred_at": "2026-11-01T12:00:00+01:00",
        "user_id": "bob",
        "name": "buy",
    }
    answer = await post(client, [event(), goal])
    assert answer.json()["accepted"] == 2
    assert [(record.kind, record.key) for record in sink.records] == [
        ("steps", b"ada"),
        ("conversions", b"bob"),
    ]
    assert json.loads(sink.records[1].value or b"") == goal


async def test_events_about_a_journey_have_no_key_and_erasures_their_users(
    client: Client, sink: KeptRecords
) -> None:
    """A status goes to every partition, an erasure to its user's; goals may have any properties."""
    head = {"event_id": "x", "occurred_at": "2026-11-01T12:00:00Z"}
    status = {"type": "journey.status", **head, "journey_id": "welcome", "status": "paused"}
    erased = {"type": "user.erased", **head, "user_id": "ada", "mode": "subtract"}
    items = {"items": [{"sku": "a", "price": 9.5}]}
    goal = {"type": "goal.reached", **head, "user_id": "ada", "name": "buy", "properties": items}
    answer = await post(client, [status, erased, goal])
    assert answer.json() == {"accepted": 3, "rejected": []}
    assert [(record.kind, record.key) for record in sink.records] == [
        ("definitions", None),
        ("users", b"ada"),
        ("conversions", b"ada"),
    ]
    assert [len(partitions_of(record, 4)) for record in sink.records] == [4, 1, 1]


async def test_a_status_of_the_future_is_refused_and_an_erasure_is_not(
    client: Client, sink: KeptRecords
) -> None:
    """A clock that runs ahead is told of; whoever asks to be forgotten is, from now on at the latest."""
    head = {"event_id": "x", "occurred_at": "9998-11-01T12:00:00Z"}
    status = {"type": "journey.status", **head, "journey_id": "welcome", "status": "paused"}
    defined = {"type": "journey.defined", **head, "journey_id": "w", "journey_version": 1, "name": "W"}
    erased = {"type": "user.erased", **head, "user_id": "ada", "mode": "subtract"}
    answer = await post(client, [status, {**defined, "steps": []}, erased])
    assert [(one["index"], one["reason"]) for one in answer.json()["rejected"]] == [
        (0, "future"),
        (1, "future"),
    ]
    assert [record.kind for record in sink.records] == ["users"]


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        (b"[" * 3_000 + b"]" * 3_000, "too_large"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "too_large"),
        (b'{"type":"step.entered","user_id":"\\ud800, [{ \\" "}', "unparseable"),
        (b"", "unparseable"),
        (b'{"a":1} {"b":2}', "unparseable"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents-batch+json"])
async def test_an_event_that_cannot_be_read_does_not_take_the_others_with_it(
    client: Client, sink: KeptRecords, strange: bytes, reason: str, content_type: str
) -> None:
    """Whatever stands between two commas of an array has a verdict of its own."""
    first, last = (json.dumps(event(event_id)).encode() for event_id in ("e-1", "e-2"))
    answer = await post(client, b"[" + b" , ".join((first, strange, last)) + b"]", content_type)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == len(sink.records) == 2
    assert [(one["index"], one["reason"]) for one in answer.json()["rejected"]] == [(1, reason)]


async def test_an_array_of_countless_brackets_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could only be told apart by looking at more brackets than the limit is one unreadable body."""
    monkeypatch.setattr(bodies, "MAXIMUM_BRACKETS", 1_000)
    answer = await post(client, b"[1," + b"[" * 2_000 + b"]" * 2_000 + b"]")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "unreadable-body")


async def test_lines_are_taken(client: Client, sink: KeptRecords) -> None:
    """NDJSON is one event a line, whatever the line ends, blank lines left out."""
    lines = b"\r\n".join(json.dumps(event(f"e-{number}")).encode() for number in range(3)) + b"\n\n"
    answer = await post(client, lines, "application/x-ndjson; charset=utf-8")
    assert answer.json()["accepted"] == 3
    assert [json.loads(record.value or b"")["event_id"] for record in sink.records] == ["e-0", "e-1", "e-2"]


@pytest.mark.parametrize(
    ("kind", "wrapped"),
    [("application/json", b"%b"), ("application/json", b"[%b]"), ("application/x-ndjson", b"%b\r\n")],
)
async def test_a_byte_order_mark_costs_no_event(
    client: Client, sink: KeptRecords, kind: str, wrapped: bytes
) -> None:
    """A mark before UTF-8 is left out; a body in UTF-16 or UTF-32 is refused as a whole and says why."""
    text = wrapped % json.dumps(event()).encode()
    answer = await post(client, b"\xef\xbb\xbf" + text, kind)
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert [json.loads(record.value or b"")["event_id"] for record in sink.records] == ["e-1"]
    for encoding in ("utf-16", "utf-32"):
        refused = await post(client, text.decode().encode(encoding), kind)
        assert refused.status_code == 400
        assert refused.json()["detail"] == "The body is UTF-16 or UTF-32 text: send it in UTF-8."


def cloud_event(number: int = 1) -> dict[str, Any]:
    fields = event()
    for name in ("type", "event_id", "occurred_at", "user_id"):
        fields.pop(name)
    return {
        "specversion": "1.0",
        "id": f"ce-{number}",
        "type": "step.entered",
        "time": "2026-11-01T12:00:00Z",
        "source": "/shop",
        "subject": "ada",
        "data": fields,
    }


async def test_cloud_events_are_taken(client: Client, sink: KeptRecords) -> None:
    """Structured CloudEvents, alone and in a batch, are keyed by the user that they are about."""
    await post(client, cloud_event(), "application/cloudevents+json")
    await post(client, [cloud_event(2), cloud_event(3)], "application/cloudevents-batch+json")
    assert [record.key for record in sink.records] == [b"ada"] * 3


async def test_binary_cloud_events_are_taken(client: Client, sink: KeptRecords) -> None:
    """A CloudEvent in HTTP's binary mode keeps its attributes as the headers that Kafka's mode has."""
    attributes = {f"ce-{name}": value for name, value in cloud_event().items() if name != "data"}
    answer = await post(client, cloud_event()["data"], "application/json", **attributes)
    assert answer.json() == {"accepted": 1, "rejected": []}
    (record,) = sink.records
    assert record.key == b"ada"
    assert ("ce_id", b"ce-1") in record.headers


async def test_each_rejected_event_is_named_and_the_others_are_taken(
    client: Client, sink: KeptRecords
) -> None:
    """A verdict has the event's place, its id, the reason, the field, and what to do."""
    wrong = event("e-2", journey_version=0)
    answer = await post(client, [event("e-1"), wrong, event("e-3", type="step.left"), 7])
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 1
    assert [
        (each["index"], each["event_id"], each["reason"], each["field"]) for each in body["rejected"]
    ] == [
        (1, "e-2", "wrong_field", "journey_version"),
        (2, "e-3", "unknown_type", "type"),
        (3, None, "unparseable", ""),
    ]
    assert all(each["message"].endswith((".", "?")) for each in body["rejected"])
    assert len(sink.records) == 1


async def test_nothing_accepted_is_an_error(client: Client, sink: KeptRecords) -> None:
    """A lone wrong event answers 422, so that a sender that only looks at the status notices."""
    answer = await post(client, event(user_id=""))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "urn:wayfold:problem:nothing-accepted"
    assert body["rejected"][0]["field"] == "user_id"
    assert sink.records == []


async def test_an_event_of_the_future_is_told_to_its_sender(client: Client) -> None:
    """The fold would refuse it later, when the sender is gone."""
    answer = await post(client, event(occurred_at="2999-01-01T00:00:00Z"))
    assert answer.json()["rejected"][0]["reason"] == "future"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (b"[{]", "application/json", 400, "unreadable-body"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"{}", "", 415, "unsupported-media-type"),
        (json.dumps([1] * 101).encode(), "application/json", 413, "too-many-events"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    client: Client, body: bytes, content_type: str, status: int, kind: str
) -> None:
    """Whole bodies that are wrong answer with a status of their own and what to send."""
    answer = await post(client, body, content_type)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:wayfold:problem:{kind}"


async def test_a_compressed_body_says_so(client: Client) -> None:
    """A body that only a decompressor could read is not called invalid JSON."""
    answer = await post(client, b"\x1f\x8b", **{"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert "uncompressed" in answer.json()["detail"]


async def test_a_body_beyond_the_limit_is_413(sink: KeptRecords) -> None:
    """Bodies are bounded before they are read, and the problem names the limit and the setting."""
    app = Litestar([ingest_router(sink)], request_max_body_size=50_000, exception_handlers=EXCEPTION_HANDLERS)
    async with AsyncTestClient(app) as client:
        answer = await post(client, b"[" + b" " * 60_000 + b"]")
    assert answer.status_code == 413
    assert "more than the 50000 bytes of the server's setting http.max_body_bytes" in answer.json()["detail"]


async def test_an_empty_batch_is_no_error(client: Client) -> None:
    """A sender with nothing to say is not told that it failed."""
    answer = await post(client, b"", "application/x-ndjson")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "rejected": []})


async def test_a_log_without_room_says_what_to_do(client: Client, sink: KeptRecords) -> None:
    """A full disk is 507 with the reason and what to do, and nothing else of the host is in the way."""
    sink.error = SinkFullError("The disk is full. Make room.")
    answer = await post(client, event())
    assert answer.status_code == 507
    assert answer.json()["type"] == "urn:wayfold:problem:disk-full"
    assert answer.json()["detail"] == "The disk is full. Make room."
    assert answer.headers["retry-after"] == "60"
    assert (await post(client, event())).status_code == 202


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [(SinkBusyError("500001 events wait.", 7), "7"), (SinkFailedError("No space left."), "10")],
)
async def test_a_log_that_cannot_take_events_says_when_to_come_back(
    client: Client, sink: KeptRecords, error: Exception, retry_after: str
) -> None:
    """Back-pressure and a failing disk are 503 with Retry-After and the reason."""
    sink.error = error
    answer = await post(client, event())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == retry_after
    assert str(error) in answer.json()["detail"]
    assert (await post(client, event())).status_code == 202
