"""The documents that are made from code: `make docs` writes them, and a test compares them.

Each is named by its path from the top of the repository and made by a function without arguments that
returns the whole text.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.docs.numbers import numbers_markdown
from tests.docs.speed import architecture_markdown, results_markdown
from wayfold.cli.openapi import openapi_json
from wayfold.exporters.prometheus.document import metrics_markdown
from wayfold.exporters.redis_views.document import redis_markdown
from wayfold.exporters.show.settings_page import settings_markdown

REPOSITORY = Path(__file__).resolve().parents[2]

DOCUMENTS: dict[str, Callable[[], str]] = {
    "benchmarks/results/README.md": results_markdown,
    "docs/ARCHITECTURE.md": architecture_markdown,
    "docs/metrics.md": metrics_markdown,
    "docs/numbers.md": numbers_markdown,
    "docs/openapi.json": openapi_json,
    "docs/redis.md": redis_markdown,
    "docs/settings.md": settings_markdown,
}


def stale() -> list[str]:
    """The documents that are missing or differ from what the code says now."""
    return [
        name
        for name, text in DOCUMENTS.items()
        if not (REPOSITORY / name).is_file() or (REPOSITORY / name).read_text(encoding="utf-8") != text()
    ]


def write() -> None:
    """Write those that are stale, and say which."""
    for name in stale():
        path = REPOSITORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DOCUMENTS[name](), encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")


if __name__ == "__main__":
    write()
