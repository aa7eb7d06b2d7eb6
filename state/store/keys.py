"""Keys of the store: one letter for the kind of row, then numbers big-endian so that they sort.

| row | key | value |
|---|---|---|
| meta | `m` | offsets, watermark, counters, next numbers |
| account | `a` account | name, time zone, topic times |
| scope | `j` scope | account and journey ids |
| series | `n` series | scope and name |
| kind | `k` kind | scope and words of an arrival or message event |
| name | `w` account or journey, its number, kind of name, name | nothing: an accepted event had the name |
| definition | `d` scope, version | `state.intake.definitions.Held` |
| control id | `q` scope, hash of type and event id | nothing: the definition or status was accepted |
| status | `y` scope | `state.intake.definitions.Status`: what the publisher last said |
| history | `h` scope, user id | `state.histories.history.History` |
| user | `u` account, user id | `state.histories.history.User` |
| person | `i` person | account and user id |
| total | `t` series | two counts and the users over all time |
| cell | `c` series, grain, bucket | two counts |
| dwell | `b` series, grain, bucket | histogram |
| user set | `s` series, grain, bucket, batch, sign | roaring bitmap of what a batch put in or took out |
| closing | `x` scope, version, time, hour of entry, person, entry | whether the entry converted |
| engagement | `e` account, month, person, row | the consumption row |
| journal | `g` batch | what a batch did to totals, cells and user sets, until it is settled |
| judgement | `v` number | `state.histories.judging.Judgement`: a late definition on its way |
| frozen | `z` scope | the views of a journey from before a judgement, while it is on its way |
| erasure | `r` hash of account and user, hash of event id | `state.intake.erasures.Erasure` |
"""

import struct

import msgspec

META = b"m"
ACCOUNT, SCOPE, SERIES, KIND, DEFINITION = b"a", b"j", b"n", b"k", b"d"
HISTORY, USER, PERSON = b"h", b"u", b"i"
TOTAL, CELL, DWELL, USER_SET = b"t", b"c", b"b", b"s"
CLOSING, ENGAGEMENT, ERASURE = b"x", b"e", b"r"
JOURNAL = b"g"
NAME, CONTROL_ID, STATUS = b"w", b"q", b"y"
JUDGEMENT, FROZEN = b"v", b"z"
OF_ACCOUNT, OF_JOURNEY = 0, 1

DAY_GRAIN, HOUR_GRAIN, ALL_GRAIN = 0, 1, 2
TAKEN_OUT, PUT_IN = 0, 1

number_key = struct.Struct(">cI").pack
cell_key = struct.Struct(">cIBI").pack
set_key = struct.Struct(">cIBIQB").pack
closing_key = struct.Struct(">cIQQIIQ").pack
_number = struct.Struct(">cI")
_definition = struct.Struct(">cIQ")
definition_key = _definition.pack
decode_person = msgspec.msgpack.Decoder(tuple[int, str]).decode
engagement_key = struct.Struct(">cIIII").pack
_names = struct.Struct(">cBI")
names_key = _names.pack
_journal = struct.Struct(">cQ")
journal_key = _journal.pack


def split_number_key(key: bytes) -> int:
    """The number in a key made by `number_key`, whatever follows it."""
    number: int = _number.unpack_from(key)[1]
    return number


def split_journal_key(key: bytes) -> int:
    """The number in a key made by `journal_key`."""
    number: int = _journal.unpack(key)[1]
    return number


def split_definition_key(key: bytes) -> tuple[int, int]:
    """Scope and version of a definition's key."""
    _, number, version = _definition.unpack(key)
    return number, version


def split_names_key(key: bytes) -> tuple[bytes, int, int]:
    """What a key made by `names_key` begins with: letter, whose names they are, and its number."""
    letter, owner, number = _names.unpack_from(key)
    return letter, owner, number


def after(prefix: bytes) -> bytes:
    """The least key that is greater than every key with this prefix."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,))
