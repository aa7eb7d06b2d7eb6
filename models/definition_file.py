"""Definitions as people write them: YAML or JSON files, where a window may be `3d`."""

import re
from collections.abc import Hashable, Mapping
from typing import Any, Final

import yaml

from wayfold.models.definition import DefinitionError, JourneyDefinition, Problem, read_definition
from wayfold.models.limits import MAXIMUM_VALUE_BYTES

MS_OF_UNIT: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_WINDOW = re.compile(r"([0-9]{1,15}) ?(ms|s|m|h|d|w)")


def parse_definition(text: str | bytes) -> JourneyDefinition:
    """A definition from the text of a YAML or JSON file. Raises DefinitionError."""
    if len(text) > MAXIMUM_VALUE_BYTES:
        raise DefinitionError([Problem("", f"The file is larger than {MAXIMUM_VALUE_BYTES} bytes.")])
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        place = " ".join(str(error).split())
        raise DefinitionError([Problem("", f"The file is neither YAML nor JSON: {place}.")]) from None
    return read_definition_file(content)


def read_definition_file(content: object) -> JourneyDefinition:
    """A definition from the mapping of a file or a request: `conversion_window: 3d` is allowed in it.

    `type: journey.defined` may stand in it. Raises DefinitionError.
    """
    if not isinstance(content, Mapping):
        return read_definition(content)
    rest: dict[Any, Any] = dict(content)
    if rest.get("type") == "journey.defined":
        del rest["type"]
    if "conversion_window" in rest:
        window = rest.pop("conversion_window")
        if "conversion_window_ms" in rest:
            message = "conversion_window and conversion_window_ms are both given: leave one of them out."
            raise DefinitionError([Problem("conversion_window", message)])
        rest["conversion_window_ms"] = window_ms(window)
    return read_definition(rest)


def window_ms(text: object) -> int:
    """Milliseconds of a duration such as `3d`, `36h` or `90 m`. Raises DefinitionError."""
    found = _WINDOW.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        message = (
            f"conversion_window is {text!r}, but must be a whole number and its unit, such as 3d, 36h or 0s"
        )
        units = ", ".join(MS_OF_UNIT)
        raise DefinitionError([Problem("conversion_window", f"{message} (units: {units}).")])
    return int(found[1]) * MS_OF_UNIT[found[2]]


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses a mapping that names a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
