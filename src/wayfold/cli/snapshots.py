"""`wayfold snapshots`: what snapshots there are, and restoring one by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from wayfold.agents.states.snapshot_storage import open_snapshot_objects
from wayfold.agents.states.state_directory import PARTITION_PREFIX, note_log
from wayfold.exporters.api.instants import instant
from wayfold.settings import Settings, SettingsError
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.manifest import SnapshotManifest
from wayfold.state.snapshots.objects import SnapshotObjects, logs_at
from wayfold.state.snapshots.snapshots import Snapshots


class NoSnapshotError(Exception):
    """There is no snapshot to restore; the message says of what."""


def open_place(settings: Settings) -> SnapshotObjects:
    """Open the place of the snapshots; raises SettingsError when none is set, SnapshotUrlError."""
    url = settings.state.snapshot_url
    if url is None:
        raise SettingsError(["state.snapshot_url is not set; set it to where the snapshots are"])
    return open_snapshot_objects(url)


def find_snapshots(objects: SnapshotObjects) -> Iterator[SnapshotManifest | SnapshotError]:
    """Yield what there is of every log, latest first in each partition; a damaged one as the error."""
    for log, partitions in logs_at(objects).items():
        snapshots = Snapshots(objects, log)
        for number in partitions:
            yield from snapshots.found(number)


def print_snapshots(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Print the snapshots of all partitions. Raises SnapshotError when the place cannot be read."""
    found = list(find_snapshots(open_place(settings)))
    manifests = [one for one in found if isinstance(one, SnapshotManifest)]
    if as_json:
        print(json.dumps([_row(manifest) for manifest in manifests], indent=2))
    elif not found:
        console.print("no snapshots yet")
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("log", "partition", "snapshot", "taken", "watermark", "records", "bytes"):
            table.add_column(
                heading, justify="right" if heading in ("partition", "records", "bytes") else "left"
            )
        for manifest in manifests:
            row = _row(manifest)
            table.add_row(
                manifest.log.name,
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
        "log": manifest.log.name,
        "topics": sorted(manifest.log.topic_ids),
        "partition": manifest.partition,
        "name": manifest.name,
        "taken_at": instant(manifest.created_at_ms),
        "watermark": instant(manifest.watermark_ms) if manifest.watermark_ms >= 0 else None,
        "records": sum(manifest.offsets.values()),
        "offsets": manifest.offsets,
        "bytes": manifest.size_bytes,
    }


def restore_snapshot(
    settings: Settings, partition: int, directory: Path, name: str | None, log: str | None
) -> SnapshotManifest:
    """Restore a snapshot, the latest unless named, into an empty directory.

    A directory of a partition among a host's states is noted to be of the snapshot's log, and refused when
    they are of another. Raises SnapshotError, StateDirectoryError, and NoSnapshotError when there is none, or
    more than one log has snapshots of the partition and none is named.
    """
    objects = open_place(settings)
    logs = [found for found, numbers in logs_at(objects).items() if partition in numbers]
    if log is not None:
        logs = [found for found in logs if found == log]
    if len(logs) > 1:
        raise NoSnapshotError(
            f"{len(logs)} logs have snapshots of partition {partition} at {objects.url}: {', '.join(logs)}. "
            "Name one with --log; `wayfold snapshots list --json` says which topics each has"
        )
    snapshots = Snapshots(objects, logs[0]) if logs else None
    manifest = None
    if snapshots is not None:
        manifest = snapshots.latest(partition) if name is None else snapshots.manifest(partition, name)
    if snapshots is None or manifest is None:
        raise NoSnapshotError(f"partition {partition} has no snapshot at {settings.state.snapshot_url}")
    if directory.name == f"{PARTITION_PREFIX}{partition}":
        directory.parent.mkdir(parents=True, exist_ok=True)
        note_log(directory.parent, manifest.log)
    snapshots.restore(manifest, directory)
    return manifest
