"""`wayfold define`, `status` and `simulate`: records on their way to either host."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from wayfold.agents.definitions import definition_record, load_definition, status_record
from wayfold.agents.destinations.addresses import open_destination
from wayfold.simulate.run import Simulation, Summary, simulate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wayfold.agents.destinations.destination import Destination
    from wayfold.agents.ingest.accept import Rejected
    from wayfold.agents.sink import Outgoing
    from wayfold.models.events import Status
    from wayfold.settings import Settings


class RefusedError(Exception):
    """What was sent was not taken; the message says why."""


@asynccontextmanager
async def opened_destination(
    address: str, settings: "Settings", watch_id: str | None = None
) -> "AsyncIterator[Destination]":
    """Open the destination that an address means, for as long as the body runs; raises DestinationError."""
    destination = await open_destination(address, settings, watch_id)
    try:
        yield destination
    finally:
        await destination.close()


def define(files: Sequence[Path], address: str, settings: "Settings", console: Console) -> None:
    """Publish journey definitions; all files are checked before the first is sent.

    Raises DefinitionError for a wrong file, RefusedError, DestinationError.
    """
    definitions = [load_definition(path) for path in files]
    rejected = _send([definition_record(definition) for definition in definitions], address, settings)
    if rejected:
        raise RefusedError("\n".join(f"{files[one.index]}: {one.message}" for one in rejected))
    for definition in definitions:
        console.print(
            f"defined {definition.account_id}/{definition.journey_id} version {definition.journey_version}: "
            f"{len(definition.steps)} steps",
            highlight=False,
        )


def say_status(
    journey_id: str,
    status: "Status",
    account_id: str,
    address: str,
    settings: "Settings",
    console: Console,
) -> None:
    """Publish that a journey runs, is paused or has finished from now on.

    Raises InvalidEventError, RefusedError, DestinationError.
    """
    rejected = _send([status_record(journey_id, status, account_id)], address, settings)
    if rejected:
        raise RefusedError(rejected[0].message)
    console.print(f"{account_id}/{journey_id} is {status}", highlight=False, markup=False)


def _send(records: "Sequence[Outgoing]", address: str, settings: "Settings") -> "Sequence[Rejected]":
    """Send records and return when they are durable, with what was not taken."""

    async def send() -> "Sequence[Rejected]":
        async with opened_destination(address, settings) as destination:
            return await destination.send(records)

    return asyncio.run(send())


def run_simulation(address: str, simulation: Simulation, settings: "Settings", console: Console) -> None:
    """Send simulated traffic, with a progress bar on `console`, until its end or Ctrl-C.

    Raises DestinationError.
    """
    summary = Summary()

    async def send() -> Summary:
        async with opened_destination(address, settings) as destination:
            return await simulate(destination, simulation, lambda count: progress.advance(task, count))

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"events to {address}", total=simulation.count)
        with suppress(KeyboardInterrupt):
            summary = asyncio.run(send())
    for one in summary.first_rejections:
        console.print(f"not taken: {one.field}: {one.message}", highlight=False, markup=False)
    if summary.rejected:
        raise RefusedError(f"{summary.rejected} of {summary.events} events were not taken")
