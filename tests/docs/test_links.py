"""Links and paths in the documents lead somewhere."""

import re
from pathlib import Path

from tests.packaging.sources import REPOSITORY

LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


def test_every_relative_link_has_its_target() -> None:
    """Every relative link in a Markdown document names a file or folder that exists."""
    broken = [
        f"{document.relative_to(REPOSITORY)}: {target}"
        for document in _documents()
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)


def _documents() -> list[Path]:
    return [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
