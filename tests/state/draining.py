"""Work that comes in pieces, done at one go."""

from collections.abc import Generator
from typing import TypeVar, cast

T = TypeVar("T")


def drained(pieces: Generator[None, None, T]) -> T:
    """Do it all; what it comes to."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return cast("T", done.value)
