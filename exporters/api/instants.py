"""Instants as text."""

from datetime import UTC, datetime


def instant(at_ms: int) -> str:
    """Write milliseconds UTC as RFC 3339: 2026-11-01T12:00:00.000Z."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
