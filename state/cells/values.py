"""Values of cells as they are stored: two counts, or a histogram."""

import msgspec

FIRST_BYTES = 16  # money in 10⁻⁹ units outgrows 64 bits
SECOND_BYTES = 8

Row = tuple[bytes, bytes | None]
Histogram = dict[int, int]

encode_histogram = msgspec.msgpack.Encoder().encode
decode_histogram = msgspec.msgpack.Decoder(dict[int, int]).decode


def pack(first: int, second: int) -> bytes:
    """Two counts as a cell's value; the first may be money."""
    return first.to_bytes(FIRST_BYTES, "little", signed=True) + second.to_bytes(
        SECOND_BYTES, "little", signed=True
    )


def unpack(value: bytes) -> tuple[int, int]:
    """The two counts of a cell's value."""
    return (
        int.from_bytes(value[:FIRST_BYTES], "little", signed=True),
        int.from_bytes(value[FIRST_BYTES : FIRST_BYTES + SECOND_BYTES], "little", signed=True),
    )


def add_histogram(total: Histogram, other: Histogram) -> None:
    """Add a histogram to another in place; empty buckets go."""
    for bucket, count in other.items():
        amount = total.get(bucket, 0) + count
        if amount:
            total[bucket] = amount
        else:
            total.pop(bucket, None)
