"""Chromium as these tests start it: the one of the system, never one that a test would download."""

from __future__ import annotations

import os
import shutil
from typing import Final

from wayfold.exporters.dashboard.built import STATIC

ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    """Find the browser: the one that WAYFOLD_TEST_CHROMIUM names, else one of the system, if any."""
    named = os.environ.get("WAYFOLD_TEST_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def missing() -> str | None:
    """Say what these tests lack and the command that mends it; None when they lack nothing."""
    if executable() is None:
        return "no Chromium on this machine: apt-get install chromium, or name one in WAYFOLD_TEST_CHROMIUM"
    if not (STATIC / "index.html").is_file():
        return "the page is not built: make page"
    return None
