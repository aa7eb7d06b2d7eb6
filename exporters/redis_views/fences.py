"""Fences: how far a partition was when it pushed, and who pushed; nothing here does I/O."""

from collections.abc import Mapping
from typing import NamedTuple

Offsets = Mapping[str, int]
"""Topic kind → offset of the next record: which records a state reflects, a vector."""


class Fence(NamedTuple):
    """What a partition's last push left in a journey: `<epoch> <offsets> <token>.<number of the push>`.

    `epoch` is that of the claim under which it was pushed: a later owner of the partition has a greater one.
    """

    epoch: int
    offsets: Offsets


NO_FENCE = Fence(0, {})


def fence_text(epoch: int, offsets: Offsets, push: str) -> str:
    """Write a fence; `push` is what no other push has."""
    return f"{epoch} {offsets_text(offsets)} {push}"


def read_fence(text: str) -> Fence:
    """Read a fence; one that is not there, or is none, comes before every other."""
    words = text.split(" ")
    if len(words) != 3 or not words[0].isdigit():
        return NO_FENCE
    pairs = (pair.partition("=") for pair in words[1].split(",") if pair != "-")
    return Fence(int(words[0]), {kind: int(offset) for kind, _, offset in pairs})


def offsets_text(offsets: Offsets) -> str:
    """Write a vector of offsets as one word: `entries=12,steps=40`; `-` when nothing is folded."""
    return ",".join(f"{kind}={offset}" for kind, offset in sorted(offsets.items()) if offset) or "-"


def reaches(offsets: Offsets, wanted: Offsets) -> bool:
    """Whether a vector is at least another in every topic."""
    return all(offsets.get(kind, 0) >= offset for kind, offset in wanted.items())
