"""The commands below `wayfold snapshots`."""

from pathlib import Path
from typing import Annotated

import typer

from wayfold.cli.options import Config, Json, Set, settings_of

app = typer.Typer(help="Snapshots of partitions: list them, restore one by hand.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False, config: Config = None, given: Set = None) -> None:
    """List the snapshots at state.snapshot_url."""
    from rich.console import Console

    from wayfold.cli.snapshots import print_snapshots

    print_snapshots(settings_of(config, given).settings, Console(), as_json=as_json)


@app.command("restore")
def restore_(
    partition: Annotated[int, typer.Argument(min=0, help="Number of the partition.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Empty directory for the store.")],
    name: Annotated[str | None, typer.Option(help="Which snapshot; left out: the latest.")] = None,
    log: Annotated[
        str | None, typer.Option(help="Of which log, where several have snapshots; see list.")
    ] = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """Restore a partition's store; a host does this by itself when it lacks a partition's state."""
    from wayfold.cli.snapshots import restore_snapshot

    manifest = restore_snapshot(settings_of(config, given).settings, partition, directory, name, log)
    typer.echo(f"restored snapshot {manifest.name} of partition {partition} to {directory}")
