"""Definitions as people write them: the text of YAML and JSON files."""

from collections.abc import Hashable
from typing import Any

import yaml

from wayfold.models.definition import JourneyDefinition, read_definition
from wayfold.models.definition_problems import DefinitionError, Problem
from wayfold.models.limits import MAXIMUM_VALUE_BYTES


def parse_definition(text: str | bytes) -> JourneyDefinition:
    """A definition from the text of a YAML or JSON file.

    Raises DefinitionError with every problem that was found.
    """
    if len(text) > MAXIMUM_VALUE_BYTES:
        message = f"The definition is larger than {MAXIMUM_VALUE_BYTES} bytes: an event could not hold it."
        raise DefinitionError([Problem("", message)])
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except RecursionError:
        message = "The definition is nested too deeply to be read: send a flatter one."
        raise DefinitionError([Problem("", message)]) from None
    except (yaml.YAMLError, ValueError) as error:
        place = " ".join(str(error).split())
        raise DefinitionError([Problem("", f"The definition is neither YAML nor JSON: {place}.")]) from None
    return read_definition(content)


class _Loader(yaml.SafeLoader):
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
        return super().construct_mapping(node, deep)
