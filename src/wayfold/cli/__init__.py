"""The command `wayfold`: puts hosts and exporters together; everything they do lives in their folders.

Only what `wayfold --help` needs is imported at once; each command imports the rest when it runs.
"""

from wayfold.cli.commands import main

__all__ = ["main"]
