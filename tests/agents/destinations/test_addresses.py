"""Addresses of destinations, and files as one."""

import gzip
from pathlib import Path

import pytest

from wayfold.agents.destinations import kafka
from wayfold.agents.destinations.addresses import open_destination
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.file import FileDestination
from wayfold.agents.destinations.http import HttpDestination
from wayfold.agents.kafka.topics import BrokerUnreachableError
from wayfold.agents.sink import Outgoing
from wayfold.settings import KafkaSettings, Settings


async def test_http_addresses() -> None:
    """A URL is used as it is; `http` alone is the server of the settings."""
    destination = await open_destination("https://wayfold.example/base/", Settings())
    assert isinstance(destination, HttpDestination)
    assert destination.url == "https://wayfold.example/base"
    near = await open_destination("http", Settings())
    assert isinstance(near, HttpDestination)
    assert near.url == "http://127.0.0.1:8080"


async def test_an_unknown_scheme_is_refused() -> None:
    """The error lists what there is."""
    with pytest.raises(DestinationError, match="http://host:port, kafka://broker:port or file:path"):
        await open_destination("redis://localhost", Settings())


async def test_no_brokers_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brokers of the address are asked, and what is wrong with them is told as it is."""
    asked: list[str] = []

    def unreachable(settings: KafkaSettings) -> int:
        asked.append(settings.bootstrap_servers)
        raise BrokerUnreachableError("No Kafka broker answered.")

    monkeypatch.setattr(kafka, "partition_count", unreachable)
    with pytest.raises(DestinationError, match="No Kafka broker answered"):
        await open_destination("kafka://one:9092,two:9092", Settings())
    with pytest.raises(DestinationError):
        await open_destination("kafka", Settings())
    assert asked == ["one:9092,two:9092", Settings().kafka.bootstrap_servers]


async def test_a_device_can_be_written_to() -> None:
    """What cannot be synced, such as /dev/null, takes events too."""
    destination = await open_destination("file:/dev/null", Settings())
    assert await destination.send([Outgoing("steps", b"ada", b"{}")]) == ()
    await destination.close()
    assert Path("/dev/null").is_char_device()


async def test_a_file_that_cannot_be_written_is_named() -> None:
    """A full disk is told with the place and what to do."""
    destination = await open_destination("file:/dev/full", Settings())
    await destination.send([Outgoing("steps", b"ada", b"{}")])
    with pytest.raises(DestinationError, match="/dev/full cannot be written: No space left on device"):
        await destination.close()


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
async def test_a_file_gets_one_event_a_line(tmp_path: Path, name: str) -> None:
    """Events are lines, compressed when the name says so, and equal events give equal bytes."""
    written = []
    for copy in ("a", "b"):
        path = tmp_path / f"{copy}-{name}"
        destination = await open_destination(f"file:{path}", Settings())
        assert isinstance(destination, FileDestination)
        await destination.send([Outgoing("steps", b"ada", b"{}"), Outgoing("steps", b"ada", b"[]")])
        await destination.close()
        written.append(path.read_bytes())
    data = gzip.decompress(written[0]) if name.endswith(".gz") else written[0]
    assert data == b"{}\n[]\n"
    assert written[0] == written[1]


async def test_a_file_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """A missing folder is named."""
    with pytest.raises(DestinationError, match="cannot be written"):
        await open_destination(str(tmp_path / "missing" / "events.jsonl"), Settings())
