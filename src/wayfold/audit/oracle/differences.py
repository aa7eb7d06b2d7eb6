"""Two numbers documents compared, field by field."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_IGNORED = ("as_of", "lag_ms")
_IDENTITIES = (
    ("account_id", "journey_id"),
    ("account_id",),
    ("month",),
    ("journey_id",),
    ("journey_version",),
    ("step_id",),
    ("channel", "platform"),
)
_NAMES = (
    *("account_id", "journey_id", "journey_version", "step_id", "name", "time_zone", "platform"),
    "not_filterable",
)
_AS_PUBLISHED = ("goal", "next", "nodes")
_WITHIN_ONE_PERCENT = ("p50_ms", "p90_ms", "p99_ms")


def differences(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Where a numbers document differs from the expected one, one sentence each; empty when equal.

    Dwell percentiles may differ by 1 %; as_of and lag_ms are not compared; a row of zeros that no definition
    names may be listed or not; everything else must be equal, the order of lists too.
    """
    return _compare(
        {name: value for name, value in actual.items() if name not in _IGNORED},
        {name: value for name, value in expected.items() if name not in _IGNORED},
        "",
        "",
    )


def _compare(actual: Any, expected: Any, path: str, name: str) -> list[str]:
    if name in _AS_PUBLISHED:
        # 1, 1.0 and true are told apart, and a step may lead to another twice
        same = _text(actual) == _text(expected)
        return [] if same else [_differ(path, actual, expected)]
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return _compare_objects(actual, expected, path)
    if _is_list(actual) and _is_list(expected):
        return _compare_lists(actual, expected, path)
    if name in _WITHIN_ONE_PERCENT and actual is not None and expected is not None:
        return [] if abs(actual - expected) * 100 <= expected else [_differ(path, actual, expected)]
    same = actual == expected and isinstance(actual, bool) == isinstance(expected, bool)
    return [] if same else [_differ(path, actual, expected)]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _compare_objects(actual: Mapping[str, Any], expected: Mapping[str, Any], path: str) -> list[str]:
    found = []
    for name in sorted({*actual, *expected}):
        here = f"{path}.{name}" if path else name
        if name not in actual:
            found.append(f"{here}: missing, expected {expected[name]!r}")
        elif name not in expected:
            found.append(f"{here}: got {actual[name]!r}, expected nothing")
        else:
            found += _compare(actual[name], expected[name], here, name)
    return found


def _compare_lists(actual: Sequence[Any], expected: Sequence[Any], path: str) -> list[str]:
    ours, theirs = _by_identity(actual), _by_identity(expected)
    if ours is None or theirs is None:
        return [] if list(actual) == list(expected) else [_differ(path, actual, expected)]
    found = []
    if len(ours) != len(actual):
        found.append(f"{path}: the same row more than once")
    if list(ours) != list(theirs) and set(ours) == set(theirs):
        found.append(f"{path}: got the order {list(ours)}, expected {list(theirs)}")
    for identity in sorted({*ours, *theirs}, key=str):
        here = f"{path}[{'/'.join(str(part) for part in identity)}]"
        if identity not in ours:
            if not _is_blank(theirs[identity]):
                found.append(f"{here}: missing, expected {theirs[identity]!r}")
        elif identity not in theirs:
            if not _is_blank(ours[identity]):
                found.append(f"{here}: got {ours[identity]!r}, expected nothing")
        else:
            found += _compare(ours[identity], theirs[identity], here, "")
    return found


def _is_blank(value: Any) -> bool:
    """Whether a row says nothing: all zeros, and no type, which a definition would give a step.

    What no definition names may be listed without a number or not at all.
    """
    if isinstance(value, Mapping):
        return all(_is_blank(some) for name, some in value.items() if name not in _NAMES)
    if _is_list(value):
        return all(_is_blank(some) for some in value)
    return value is None or value == 0


def _by_identity(rows: Sequence[Any]) -> dict[tuple[Any, ...], Any] | None:
    """Rows by what identifies them, in their order; None when they are no such rows."""
    found = {}
    for row in rows:
        if not isinstance(row, Mapping):
            return None
        names = next((names for names in _IDENTITIES if all(name in row for name in names)), None)
        if names is None:
            return None
        found[tuple(row[name] for name in names)] = row
    return found


def _differ(path: str, actual: Any, expected: Any) -> str:
    return f"{path}: got {actual!r}, expected {expected!r}"
