"""Definitions as people write them: the text of YAML and JSON files.

What is read is bounded before it is built: a megabyte of YAML takes seconds, and a few lines of it can stand
for more than memory holds.
"""

import json
from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from wayfold.models.definition import JourneyDefinition, read_definition
from wayfold.models.definition_problems import DefinitionError, Problem
from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.readable import is_deeper_than

MAXIMUM_YAML_BYTES: Final = 262_144
MAXIMUM_YAML_NODES: Final = 250_000
"""Values that YAML may stand for, each alias counted as all that it repeats."""
MAXIMUM_YAML_DIGITS: Final = 1000
"""Of a number; in base 60, which YAML has too, many digits take long."""


def parse_definition(text: str | bytes) -> JourneyDefinition:
    """A definition from the text of a YAML or JSON file.

    Raises DefinitionError with every problem that was found.
    """
    value = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(value) > MAXIMUM_VALUE_BYTES:
        raise _unreadable(f"is larger than {MAXIMUM_VALUE_BYTES} bytes: an event could not hold it")
    try:
        content = _read(value)
    except RecursionError:
        raise _TOO_DEEP from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, DefinitionError):
            raise
        place = " ".join(str(error).split())
        raise _unreadable(f"is neither YAML nor JSON: {place}") from None
    return read_definition(content)


def _read(value: bytes) -> Any:
    if value.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        if is_deeper_than(MAXIMUM_DEPTH, value):
            raise _TOO_DEEP
        try:
            return json.loads(value, object_pairs_hook=_object, parse_constant=_no_number)
        except ValueError as error:
            if isinstance(error, DefinitionError):
                raise
            # Perhaps it is YAML in braces.
            if len(value) > MAXIMUM_YAML_BYTES:
                raise
    if len(value) > MAXIMUM_YAML_BYTES:
        raise _unreadable(
            f"has {len(value)} bytes of YAML, but may have at most {MAXIMUM_YAML_BYTES}: write it as JSON, "
            f"which may have {MAXIMUM_VALUE_BYTES}"
        )
    _check_size(yaml.parse(value, Loader=_Parser))
    return yaml.load(value, Loader=_Loader)  # noqa: S506  # a safe loader


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _unreadable(f"cannot be read: {name[:80]!r} stands twice in one object")
            seen.add(name)
    return content


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _check_size(events: Iterator[yaml.Event]) -> None:
    """Refuse YAML that is nested too deeply, or stands for too much, before anything is made of it."""
    sizes: dict[str | None, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    count = 0
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes[anchor] = count - before
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.AliasEvent):
            # An alias inside of what it repeats has no size yet; a definition with one is wrong anyway.
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            _check_number(event)
            sizes[event.anchor] = 1
            count += 1
        if len(open_nodes) > MAXIMUM_DEPTH:
            raise _TOO_DEEP
        if count > MAXIMUM_YAML_NODES:
            raise _unreadable(
                f"stands for more than {MAXIMUM_YAML_NODES} values, repeated by aliases: leave these out"
            )


def _check_number(event: yaml.ScalarEvent) -> None:
    text = event.value
    if len(text) > MAXIMUM_YAML_DIGITS and event.implicit[0] and text[0] in "+-.0123456789":
        raise _unreadable(f"has a number of more than {MAXIMUM_YAML_DIGITS} digits: shorten it")


def _unreadable(what: str) -> DefinitionError:
    return DefinitionError([Problem("", f"The definition {what}.")])


_TOO_DEEP: Final = _unreadable("is nested too deeply to be read: send a flatter one")
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Parser):  # type: ignore[misc]  # libyaml's loader where there is one
    """The safe loader, which also refuses a mapping that names a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands here twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found
