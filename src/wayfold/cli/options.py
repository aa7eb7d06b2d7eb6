"""Options that several commands share, and the settings that they give."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wayfold.settings import Loaded

DEFAULT_URL = "http://127.0.0.1:8080"

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file; else wayfold.toml, if there.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a setting, such as kafka.group=acme; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option("--url", envvar="WAYFOLD_URL", help="Address of the running host.")]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="PLACE",
        help="http or kafka of the settings, http://host:port, kafka://broker:port, file:path, - for stdout.",
    ),
]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on (http.host).")]
Port = Annotated[
    int | None, typer.Option("--port", help="Port to listen on (http.port); 0 takes a free one.")
]


def settings_of(config: Path | None, given: list[str] | None, **flags: object) -> "Loaded":
    """Load the settings with the flags of a command: `http__port=1` sets http.port; None sets nothing.

    Raises SettingsError.
    """
    from wayfold.settings import SettingsError, load

    values: dict[str, object] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or "." not in name:
            raise SettingsError([f"--set {text}: write NAME=VALUE, such as --set kafka.group=acme"])
        values[name] = _parsed(name, value)
    values.update((name.replace("__", "."), value) for name, value in flags.items() if value is not None)
    return load(values, config)


def _parsed(name: str, value: str) -> object:
    """Read a table, which flags write as JSON; everything else is read by the settings themselves."""
    import json

    from wayfold.settings import SettingsError

    if not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise SettingsError([f"--set {name}: not valid JSON: {error}"]) from None
