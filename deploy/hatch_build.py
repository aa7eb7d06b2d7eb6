"""Keeps a wheel or a source distribution from being built without the page; hatchling runs it."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path("exporters", "dashboard", "static", "index.html")


class PageIsThere(BuildHookInterface[Any]):
    """Refuses to build what users would install without the page; an editable install goes on."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Look for the built page before anything is built.

        Raises RuntimeError that says what to run.
        """
        if version != "editable" and not Path(self.root, PAGE).is_file():
            raise RuntimeError(f"the web page is not built: {PAGE} is missing. Run `make page` first")
