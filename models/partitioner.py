"""Which partition a user belongs to: the same arithmetic as the publishers' Kafka clients."""

import struct
from collections.abc import Callable
from typing import Literal
from zlib import crc32

Partitioner = Literal["murmur2", "crc32"]

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """MurmurHash2 of a key as Kafka's Java client computes it, as an unsigned 32-bit number."""
    length = len(key)
    value = _SEED ^ length
    words = length // 4
    for word in struct.unpack_from(f"<{words}I", key):
        mixed = word * _MULTIPLIER & _MASK
        mixed ^= mixed >> 24
        value = (value * _MULTIPLIER & _MASK) ^ (mixed * _MULTIPLIER & _MASK)
    rest = key[words * 4 :]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    value ^= value >> 13
    value = value * _MULTIPLIER & _MASK
    return value ^ value >> 15


def murmur2_partition(key: bytes, partitions: int) -> int:
    """Partition of a key by Kafka's default partitioner."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def crc32_partition(key: bytes, partitions: int) -> int:
    """Partition of a key by librdkafka's `consistent` partitioners."""
    return crc32(key) % partitions


PARTITIONERS: dict[Partitioner, Callable[[bytes, int], int]] = {
    "murmur2": murmur2_partition,
    "crc32": crc32_partition,
}
