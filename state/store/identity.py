"""What a store is: its format, its partition, its creation; written once and checked at every opening."""

import os
from pathlib import Path

import msgspec

from wayfold.state.store.errors import StoreProblem, StoreRefusedError, damaged, refused

# Version 2 added rows of erasures, and made `counted` of a history text. A store without the rows knows of
# its erasures only how many came: read on, it would accept their repeats. Version 3 added the journal, which
# an older program would not read. Version 4 knows repeats by their type too, keeps the topic times of
# accounts and the names of events, and takes several definitions of a version.
FORMAT_VERSION = 4
"""Version of everything a store holds: its files, and the keys and values that the fold keeps in it."""

IDENTITY_FILE = "wayfold-store.json"


class StoreIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which store this is. `creation_id` tells two stores of one partition apart."""

    format_version: int
    partition: int
    creation_id: str

    def encoded(self) -> bytes:
        """Encode the identity; the same bytes for the same identity."""
        return msgspec.json.encode(self)


def write_identity(directory: Path, identity: StoreIdentity) -> None:
    """Write the identity into a store's directory, durably."""
    with (directory / IDENTITY_FILE).open("wb") as file:
        file.write(identity.encoded())
        file.flush()
        os.fsync(file.fileno())
    sync_directory(directory)


def read_identity(directory: Path, partition: int) -> StoreIdentity:
    """Read the identity of the store of `partition`; raise `StoreRefusedError` when it is another's."""
    try:
        text = (directory / IDENTITY_FILE).read_bytes()
    except FileNotFoundError:
        raise StoreRefusedError(
            directory,
            StoreProblem.NOT_A_STORE,
            f"is a directory without a {IDENTITY_FILE}, and is not empty",
            "Name a directory that is empty or does not exist, or move this one away.",
        ) from None
    except NotADirectoryError:
        raise StoreRefusedError(
            directory, StoreProblem.NOT_A_STORE, "is not a directory", "Name a directory."
        ) from None
    except OSError as error:
        raise refused(directory, error) from error
    try:
        _check_version(directory, text)
        identity = msgspec.json.decode(text, type=StoreIdentity)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise damaged(directory, f"has a damaged {IDENTITY_FILE} ({error})") from error
    if identity.partition != partition:
        raise StoreRefusedError(
            directory,
            StoreProblem.OTHER_PARTITION,
            f"belongs to partition {identity.partition}, not to partition {partition}",
            "Look whether directories were swapped or copied; each partition has one of its own.",
        )
    return identity


def _check_version(directory: Path, text: bytes) -> None:
    version = msgspec.json.decode(text, type=dict[str, object]).get("format_version")
    if version == FORMAT_VERSION:
        return
    raise StoreRefusedError(
        directory,
        StoreProblem.OTHER_FORMAT,
        f"has format version {version}, and this program reads version {FORMAT_VERSION}",
        "Run the program version that wrote it, or move the directory away: the events are then folded again "
        "into a new store.",
    )


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
