"""Which destination an address means."""

from pathlib import Path

from wayfold.agents.destinations.destination import Destination, DestinationError
from wayfold.agents.destinations.file import FileDestination
from wayfold.agents.destinations.http import HttpDestination
from wayfold.agents.destinations.kafka import KafkaDestination
from wayfold.settings import Settings


async def open_destination(address: str, settings: Settings) -> Destination:
    """Open the destination that an address means.

    `http://host:port` is a Wayfold and `kafka://broker:port,…` are brokers; `http` and `kafka` alone mean
    those of the settings. `file:path` or a path is a file of lines, `-` standard output.

    Raises `DestinationError` when it cannot be reached, or the address means nothing.
    """
    if address == "http":
        host = "127.0.0.1" if settings.http.host == "0.0.0.0" else settings.http.host  # noqa: S104
        address = f"http://{host}:{settings.http.port}"
    if address.startswith(("http://", "https://")):
        return HttpDestination(address)
    if address == "kafka" or address.startswith("kafka:"):
        brokers = address.removeprefix("kafka").strip(":/")
        kafka = settings.kafka.model_copy(update={"bootstrap_servers": brokers} if brokers else {})
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
