"""Which definition of a journey version holds, and which versions were defined in several ways."""

from collections.abc import Iterable, Iterator

from wayfold.audit.oracle.definitions import OracleDefinition
from wayfold.audit.oracle.events import OracleEvent

Version = tuple[str, str, int]
"""A version of a journey of an account."""


def held_definitions(events: Iterable[OracleEvent]) -> dict[Version, OracleDefinition]:
    """The definition of each version that is the earliest among the events, whatever came first."""
    found: dict[Version, OracleDefinition] = {}
    for event, definition in sorted(_definitions(events), key=lambda pair: pair[0].order):
        found.setdefault(_version(event), definition)
    return found


def conflicts(events: Iterable[OracleEvent]) -> dict[Version, int]:
    """How many contents versions were defined with beside the one that holds, of those that were."""
    contents: dict[Version, set[tuple[object, ...]]] = {}
    for event, definition in _definitions(events):
        contents.setdefault(_version(event), set()).add(definition.content)
    return {version: len(contents[version]) - 1 for version in sorted(contents) if len(contents[version]) > 1}


def _definitions(events: Iterable[OracleEvent]) -> Iterator[tuple[OracleEvent, OracleDefinition]]:
    for event in events:
        if event.definition is not None:
            yield event, event.definition


def _version(event: OracleEvent) -> Version:
    return (event.account, event.journey or "", event.version or 0)
