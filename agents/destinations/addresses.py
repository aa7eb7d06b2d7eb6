"""Which destination an address means."""

from pathlib import Path

from wayfold.agents.destinations.destination import Destination, DestinationError
from wayfold.agents.destinations.file import FileDestination
from wayfold.agents.destinations.http import HttpDestination
from wayfold.agents.destinations.kafka import KafkaDestination
from wayfold.settings import KafkaSettings, Settings


def http_url(address: str, settings: Settings) -> str | None:
    """Give the URL of the Wayfold that an address means, None when it means none."""
    if address == "http":
        host = "127.0.0.1" if settings.http.host == "0.0.0.0" else settings.http.host  # noqa: S104
        return f"http://{host}:{settings.http.port}"
    return address if address.startswith(("http://", "https://")) else None


def kafka_settings(address: str, settings: Settings) -> KafkaSettings | None:
    """Give the settings with the brokers that an address means, None when it means none."""
    if address != "kafka" and not address.startswith("kafka:"):
        return None
    brokers = address.removeprefix("kafka").strip(":/")
    return settings.kafka.model_copy(update={"bootstrap_servers": brokers} if brokers else {})


async def open_destination(address: str, settings: Settings, watch_id: str | None = None) -> Destination:
    """Open the destination that an address means.

    `http://host:port` is a Wayfold and `kafka://broker:port,…` are brokers; `http` and `kafka` alone mean
    those of the settings. `file:path` or a path is a file of lines, `-` standard output. Events sent to a
    Wayfold belong to the watch `watch_id`.

    Raises `DestinationError` when it cannot be reached, or the address means nothing.
    """
    url, kafka = http_url(address, settings), kafka_settings(address, settings)
    if url is not None:
        return HttpDestination(url, watch_id=watch_id)
    if kafka is not None:
        return await KafkaDestination.open(kafka, settings.fold.partitioner)
    if "://" in address and not address.startswith("file://"):
        raise DestinationError(
            f"{address!r} is no destination: write http://host:port, kafka://broker:port or file:path."
        )
    path = address.removeprefix("file:").removeprefix("//")
    try:
        return FileDestination(None if path == "-" else Path(path))
    except OSError as error:
        raise DestinationError(f"{path} cannot be written: {error.strerror}.") from error
