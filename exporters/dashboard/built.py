"""The built page, read once into memory: no request touches the disk, and no path leads out of the folder."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

STATIC: Final = Path(__file__).resolve().parent / "static"
"""Where `make page` puts the page; a wheel has it in the same place."""
NONCE_PLACE: Final = b"__CSP_NONCE__"
MOST_FILES: Final = 2_000
MOST_BYTES: Final = 32 * 1024 * 1024

COPIES: Final = {".br": "br", ".gz": "gzip"}
# Litestar adds the charset, which is UTF-8, to those of text.
CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

log = structlog.get_logger(__name__)


class BuiltPageError(Exception):
    """What lies in the folder is no page; the message says why and what to do."""


@dataclass(frozen=True)
class File:
    """A file of the page: its content, and its compressed copies by the encoding's name."""

    content_type: str
    content: bytes
    copies: Mapping[str, bytes]
    digest: str
    """Part of the SHA-256 of the content, in hexadecimal."""


@dataclass(frozen=True)
class BuiltPage:
    """The document, cut where a nonce goes, and every other file by its path below the page's address."""

    document: tuple[bytes, ...]
    files: Mapping[str, File]

    def with_nonce(self, nonce: str) -> bytes:
        """Write index.html for one answer."""
        return nonce.encode().join(self.document)


def built_page(prefix: str) -> BuiltPage | None:
    """Read the page that belongs to this installation; what cannot be served is told in the log, and is none.

    The numbers do not depend on the page, so neither does the start of a host.
    """
    try:
        return read_page(STATIC, prefix)
    except (BuiltPageError, OSError) as error:
        log.warning("page_unreadable", reason=str(error))
        return None


def read_page(folder: Path, prefix: str) -> BuiltPage | None:
    """Read what was built into `folder`, for the address that begins with `prefix`; None where nothing was.

    Raises BuiltPageError for a document that cannot be served and for more than MOST_FILES or MOST_BYTES.
    """
    if not (folder / "index.html").is_file():
        return None
    contents = _contents(folder)
    document = contents.pop("index.html")
    head = document.find(b"<head>")
    if head < 0 or NONCE_PLACE not in document:
        raise BuiltPageError(
            f"{folder / 'index.html'} has no <head> or no place for a nonce; run `make page`"
        )
    after = head + len(b"<head>")
    base = f'<base href="{prefix}/">'.encode()
    document = document[:after] + base + document[after:]
    return BuiltPage(tuple(document.split(NONCE_PLACE)), _files(contents))


def _contents(folder: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    size = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size += path.stat().st_size
        if len(contents) == MOST_FILES or size > MOST_BYTES:
            raise BuiltPageError(
                f"{folder} has more than {MOST_FILES} files or {MOST_BYTES} bytes, which no page of Wayfold "
                "has; run `make page`"
            )
        contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    return contents


def _files(contents: Mapping[str, bytes]) -> dict[str, File]:
    files = {}
    for name, content in contents.items():
        stem, dot, ending = name.rpartition(".")
        if dot + ending in COPIES and stem in contents:
            continue
        files[name] = File(
            content_type=CONTENT_TYPES.get(dot + ending, "application/octet-stream"),
            content=content,
            copies={
                encoding: contents[name + suffix]
                for suffix, encoding in COPIES.items()
                if name + suffix in contents
            },
            digest=hashlib.sha256(content).hexdigest()[:20],
        )
    return files
