"""The AsyncAPI document is well formed, complete, and its examples are real messages."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.models.schemas.validators import validator
from wayfold.models.decode import decode_event
from wayfold.models.events import EVENT_CLASS_OF_TYPE, TOPIC_KINDS, Event
from wayfold.models.refusal import Reason
from wayfold.models.schemas.asyncapi import asyncapi_document

DOCUMENT = asyncapi_document()
NAME = re.compile(r"[A-Za-z0-9.\-_]+")


def validates(schema: dict[str, Any], instance: Any) -> None:
    """Check an instance by a schema of the document, which refers to others there."""
    validator({**schema, "components": DOCUMENT["components"]}).validate(instance)


def target(reference: str) -> Any:
    """What a local reference points at."""
    place: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


def references(part: Any) -> Iterator[str]:
    """Every reference in a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def test_it_has_the_parts_of_asyncapi_3() -> None:
    """Version, info, channels with their parameters, and operations on channels are as 3.0 wants them."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT) <= {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
    } | {"components"}
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for channel in DOCUMENT["channels"].values():
        assert re.findall(r"\{(\w+)\}", channel["address"]) == list(channel["parameters"])
        assert channel["messages"]
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for name in (
        *DOCUMENT["channels"],
        *(name for group in DOCUMENT["components"].values() for name in group),
    ):
        assert NAME.fullmatch(name)


def test_all_references_lead_somewhere() -> None:
    """No reference is broken, and nothing that can be referred to is left over."""
    found = set(references(DOCUMENT))
    for reference in found:
        assert target(reference) is not None
    groups = DOCUMENT["components"]
    assert {f"#/components/{group}/{name}" for group in groups for name in groups[group]} <= found


def test_every_event_has_its_three_forms_on_its_topic() -> None:
    """Each type is described bare, structured and binary, on the channel of its topic and on no other."""
    for kind in TOPIC_KINDS:
        types = [type_ for type_, cls in EVENT_CLASS_OF_TYPE.items() if kind == cls.TOPIC]
        forms = [f"{type_}{form}" for type_ in types for form in ("", ".cloudevent", ".cloudevent-binary")]
        assert list(DOCUMENT["channels"][kind]["messages"]) == forms
        assert DOCUMENT["channels"][kind]["address"] == f"{{prefix}}.{kind}"


def test_the_examples_are_valid_and_decode() -> None:
    """Every message's example fits its own schemas and is accepted as the event that it shows."""
    decoded: dict[str, list[Event]] = {}
    for name, message in DOCUMENT["components"]["messages"].items():
        if name == "dead-letter":
            continue
        (example,) = message["examples"]
        validates(message["payload"], example["payload"])
        headers = example.get("headers", {})
        if "headers" in message:
            validates(message["headers"], headers)
        value = json.dumps(example["payload"]).encode()
        event = decode_event(None, value, [(key, text.encode()) for key, text in headers.items()])
        assert isinstance(event, Event), event
        decoded.setdefault(event.TYPE, []).append(event)
    assert set(decoded) == set(EVENT_CLASS_OF_TYPE)
    for first, *others in decoded.values():
        assert others == [first, first]


def test_dead_letters_carry_every_reason() -> None:
    """The reasons that a reader of dead letters must expect are those of the code."""
    headers = DOCUMENT["components"]["messages"]["dead-letter"]["headers"]
    assert headers["properties"]["reason"]["enum"] == [reason.value for reason in Reason]
