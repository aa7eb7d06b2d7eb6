"""Watermarks of accounts: up to where the "now" of an account is, over all partitions."""

from collections.abc import Iterable, Mapping


def greatest(watermarks: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Account → the greatest of several partitions' watermarks, in milliseconds UTC."""
    found: dict[str, int] = {}
    for partition in watermarks:
        for account_id, watermark_ms in partition.items():
            found[account_id] = max(watermark_ms, found.get(account_id, watermark_ms))
    return found


def watermark_of(watermarks: Mapping[str, int], account_id: str | None) -> int:
    """An account's watermark, or the greatest of all; -1 when there is none."""
    if account_id is None:
        return max(watermarks.values(), default=-1)
    return watermarks.get(account_id, -1)
