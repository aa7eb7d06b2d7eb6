"""`wayfold snapshots`: what snapshots there are, and restoring one by hand."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from wayfold.agents.snapshot_storage import open_snapshot_objects
from wayfold.exporters.api.instants import instant
from wayfold.settings import Settings, SettingsError
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.manifest import SnapshotManifest
from wayfold.state.snapshots.snapshots import Snapshots


class NoSnapshotError(Exception):
    """There is no snapshot to restore; the message says of what."""


def open_snapshots(settings: Settings) -> Snapshots:
    """Open the place of the snapshots; raises SettingsError when none is set, SnapshotUrlError."""
    url = settings.state.snapshot_url
    if url is None:
        raise SettingsError(["state.snapshot_url is not set; set it to where the snapshots are"])
    return Snapshots(open_snapshot_objects(url), keep=settings.state.snapshot_keep)


def find_snapshots(snapshots: Snapshots, partitions: int) -> Iterator[SnapshotManifest | SnapshotError]:
    """Yield what there is, latest first in each partition; a damaged one as the error that says so.

    At least `partitions` are looked at, and more as long as there are snapshots of them.
    """
    for number in count():
        names = snapshots.names(number)
        if not names and number >= partitions:
            return
        for name in names:
            try:
                yield snapshots.manifest(number, name)
            except SnapshotError as error:
                yield error


def print_snapshots(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Print the snapshots of all partitions. Raises SnapshotError when the place cannot be read."""
    found = list(find_snapshots(open_snapshots(settings), settings.kafka.topic_partitions))
    manifests = [one for one in found if isinstance(one, SnapshotManifest)]
    if as_json:
        print(json.dumps([_row(manifest) for manifest in manifests], indent=2))
    elif not found:
        console.print("no snapshots yet")
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("partition", "snapshot", "taken", "watermark", "records", "bytes"):
            table.add_column(
                heading, justify="right" if heading in ("partition", "records", "bytes") else "left"
            )
        for manifest in manifests:
            row = _row(manifest)
            table.add_row(
                str(manifest.partition),
                manifest.name,
                row["taken_at"],
                row["watermark"] or "–",
                f"{row['records']:,}",
                f"{row['bytes']:,}",
            )
        console.print(table)
    for error in found:
        if isinstance(error, SnapshotError):
            Console(stderr=True).print(str(error), highlight=False, markup=False)


def _row(manifest: SnapshotManifest) -> dict[str, Any]:
    return {
        "partition": manifest.partition,
        "name": manifest.name,
        "taken_at": instant(manifest.created_at_ms),
        "watermark": instant(manifest.watermark_ms) if manifest.watermark_ms >= 0 else None,
        "records": sum(manifest.offsets.values()),
        "offsets": manifest.offsets,
        "bytes": manifest.size_bytes,
    }


def restore_snapshot(
    settings: Settings, partition: int, directory: Path, name: str | None
) -> SnapshotManifest:
    """Restore a snapshot, the latest unless named, into an empty directory.

    Raises SnapshotError, and NoSnapshotError when the partition has none.
    """
    snapshots = open_snapshots(settings)
    manifest = snapshots.latest(partition) if name is None else snapshots.manifest(partition, name)
    if manifest is None:
        raise NoSnapshotError(f"partition {partition} has no snapshot at {settings.state.snapshot_url}")
    snapshots.restore(manifest, directory)
    return manifest
