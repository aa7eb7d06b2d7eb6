"""Reads settings from flags, the environment and a file, and says what is wrong with them."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError as UnreadableSourceError

from wayfold.settings.model import Settings

DEFAULT_FILE = Path("wayfold.toml")
FILE_VARIABLE = "WAYFOLD_CONFIG"
# What Kubernetes adds to every container for each service of its namespace: not settings of ours.
SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$")


class SettingsError(Exception):
    """Settings that cannot be used; each problem names the setting, where it was set, and the fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Loaded:
    """Settings, and by dotted name where each that is not a default came from."""

    settings: Settings
    sources: Mapping[str, str]


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Each setting's dotted name and field, in the order of the model."""
    for group_name, group in Settings.model_fields.items():
        for name, field in type(group.default).model_fields.items():
            yield f"{group_name}.{name}", field


def variable(name: str) -> str:
    """Name the environment variable of a setting: kafka.group is WAYFOLD_KAFKA_GROUP."""
    return f"WAYFOLD_{name.replace('.', '_')}".upper()


def load(flags: Mapping[str, object] | None = None, file: Path | None = None) -> Loaded:
    """Read settings from flags (by dotted name), then the environment, then the file.

    `file` is `--config`; without it WAYFOLD_CONFIG names the file, else wayfold.toml is read if it is
    there. Raises SettingsError with all problems at once.
    """
    path = _file(file)
    try:
        layers = {
            "flag": _nested(flags or {}),
            "environment": _Environment(Settings)(),
            f"file {path}": TomlConfigSettingsSource(Settings, path)(),
        }
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: not valid TOML: {error}"]) from None
    except UnreadableSourceError:
        raise SettingsError(list(_broken_json())) from None
    merged, sources = _merge(layers)
    unknown = _unknown_variables()
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise SettingsError([_problem(one, sources) for one in error.errors()] + unknown) from None
    if unknown:
        raise SettingsError(unknown)
    for name in ("redis.username", "redis.password"):
        if name not in sources and getattr(settings.redis, name.partition(".")[2]) is not None:
            sources[name] = sources["redis.url"]  # the login stands in the address
    return Loaded(settings, sources)


class _Environment(EnvSettingsSource):
    """The environment without the variables that Kubernetes adds."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name: value
            for name, value in super()._load_env_vars().items()
            if not _is_service_link(name.upper(), value)
        }


def _is_service_link(name: str, value: str | None) -> bool:
    if not SERVICE_LINK.search(name):
        return False
    known = {variable(setting) for setting, _ in fields()}
    return name not in known or (value or "").startswith(("tcp://", "udp://"))


def _file(given: Path | None) -> Path:
    named = given or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    if named is not None and not named.is_file():
        origin = "--config" if given else FILE_VARIABLE
        raise SettingsError([f"{named} ({origin}): no such file; name an existing settings file"])
    return named or DEFAULT_FILE


def _nested(flags: Mapping[str, object]) -> dict[str, dict[str, object]]:
    groups: dict[str, dict[str, object]] = {}
    for dotted, value in flags.items():
        group, _, name = dotted.partition(".")
        groups.setdefault(group, {})[name] = value
    return groups


def _merge(layers: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Merge the layers' groups, the first layer that has a value winning, and note whose it was."""
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer, groups in layers.items():
        for group, values in groups.items():
            if not isinstance(values, dict):
                merged.setdefault(group, values)
                sources.setdefault(group, layer)
                continue
            for name, value in values.items():
                target = merged.setdefault(group, {})
                if isinstance(target, dict) and name not in target:
                    target[name] = value
                    dotted = f"{group}.{name}"
                    sources[dotted] = f"{layer} {variable(dotted)}" if layer == "environment" else layer
    return merged, sources


def _broken_json() -> Iterator[str]:
    """Find variables that have to be JSON and are not."""
    tables = {variable(name): name for name, field in fields() if get_origin(field.annotation) is dict}
    tables |= {f"WAYFOLD_{group.upper()}": group for group in Settings.model_fields}
    for name, setting in tables.items():
        try:
            json.loads(os.environ.get(name) or "{}")
        except ValueError as error:
            yield f"{setting} (environment {name}): not valid JSON: {error}. Write a table as JSON"


def _unknown_variables() -> list[str]:
    """Find variables whose group is misspelt: they would be ignored in silence otherwise."""
    known = {variable(setting) for setting, _ in fields()}
    groups = tuple(f"WAYFOLD_{group.upper()}_" for group in Settings.model_fields)
    problems = []
    for name, value in sorted(os.environ.items()):
        if not name.startswith("WAYFOLD_") or name.startswith(groups) or _is_service_link(name, value):
            continue
        close = difflib.get_close_matches(name, known, 1, 0.85)
        if close:
            problems.append(f"environment {name}: there is no such setting; did you mean {close[0]}?")
    return problems


def _problem(error: ErrorDetails, sources: Mapping[str, str]) -> str:
    """Say in one line which setting is wrong, where it was set, why, and what would be right.

    The value itself is left out: it may be a secret.
    """
    location = [str(part) for part in error["loc"]]
    dotted = ".".join(location[:2])
    origin = sources.get(dotted)
    place = f"{dotted} ({origin})" if origin else dotted
    if not location:
        return error["msg"].removeprefix("Value error, ")
    known = dict(fields())
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(dotted, known, 1)
        hint = f"did you mean {close[0]}?" if close else "`wayfold settings` lists those there are"
        return f"{place}: there is no such setting; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    if dotted in Settings.model_fields and error["type"] == "model_type":
        return f"{place}: is a group of settings. Give a table, [{dotted}] in a file"
    if dotted not in known:
        given = [
            f"{name} is from {source}" for name, source in sources.items() if name.startswith(f"{dotted}.")
        ]
        return f"{place}: {message}" + (f" ({'; '.join(given)})" if given else "")
    entry = f" at {'.'.join(location[2:])}" if location[2:] else ""
    return f"{place}{entry}: {message[0].lower()}{message[1:]}. {expectation(known[dotted])}"


def expectation(field: FieldInfo) -> str:
    """Say what values a setting takes, as a sentence's start: "Give a number from 1 to 10"."""
    choices = getattr(field.annotation, "__args__", ())
    limits = {name: limit for mark in field.metadata for name, limit in _limits(mark)}
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"Give one of {', '.join(choices)}"
    if get_origin(field.annotation) is dict:
        return f"Give a table, as JSON in the environment and in flags. Meaning: {field.description}"
    if field.annotation is bool:
        return "Give true or false"
    if field.annotation in (int, int | None):
        upper = f" to {limits['le']}" if "le" in limits else " up"
        return f"Give a whole number from {limits['ge']}{upper}" if "ge" in limits else "Give a whole number"
    if "pattern" in limits:
        return f"Give text of the form {limits['pattern']}"
    return f"Meaning: {field.description}"


def _limits(mark: object) -> Iterator[tuple[str, object]]:
    for name in ("ge", "le", "pattern"):
        value = getattr(mark, name, None)
        if value is not None:
            yield name, value
