"""A record that makes the fold raise: what a fault in Wayfold looks like to a host."""

from collections.abc import Sequence

import pytest

from wayfold.models import decode
from wayfold.models.events import Event
from wayfold.models.refusal import Refusal

POISON = "poison"
"""The decoder raises at a value that contains it."""


def poisoned(monkeypatch: pytest.MonkeyPatch, kind: str = "entries") -> None:
    """Let a topic kind's decoder raise at `POISON`, for one test."""
    monkeypatch.setitem(decode._decoders, kind, _raising(decode._decoders[kind]))


def poison_this_process() -> None:
    """The same for a program of its own, for as long as it runs."""
    decode._decoders["entries"] = _raising(decode._decoders["entries"])


def _raising(decoded: decode.Decode) -> decode.Decode:
    def decode_or_raise(value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Event | Refusal:
        if value is not None and POISON.encode() in value:
            raise ValueError("this value was never thought of")
        return decoded(value, headers)

    return decode_or_raise
