"""The files of the page: what they are answered with, in which encoding, and that there are no others."""

from pathlib import Path

import httpx
import pytest

from tests.exporters.dashboard.conftest import DOCUMENT, FONT, GZIPPED, SCRIPT
from wayfold.exporters.dashboard import built as reading
from wayfold.exporters.dashboard.built import BuiltPageError, read_page
from wayfold.exporters.dashboard.encodings import chosen

SCRIPT_PATH = "/assets/index-1a2b.js"
AS_IT_IS = {"accept-encoding": "identity"}


async def test_assets_are_kept_for_ever(client: httpx.AsyncClient) -> None:
    """An asset may be kept for a year without asking again, for its name changes with its content."""
    for path in (SCRIPT_PATH, "/assets/inter-9f.woff2"):
        answer = await client.get(path, headers=AS_IT_IS)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        (SCRIPT_PATH, "text/javascript; charset=utf-8", SCRIPT),
        ("/assets/inter-9f.woff2", "font/woff2", FONT),
        ("/icon.svg", "image/svg+xml", b"<svg/>"),
        ("/THIRD_PARTY.txt", "text/plain; charset=utf-8", b"react 19\n"),
    ],
)
async def test_a_file_is_what_was_built(
    client: httpx.AsyncClient, path: str, content_type: str, content: bytes
) -> None:
    """A file is answered with its bytes and with the type of its kind."""
    answer = await client.get(path, headers=AS_IT_IS)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == content_type


async def test_files_whose_names_stay_are_asked_for_again(client: httpx.AsyncClient) -> None:
    """The icon keeps its name when it changes, so a cache asks before it uses its copy."""
    assert (await client.get("/icon.svg")).headers["cache-control"] == "no-cache"


async def test_a_client_gets_the_copy_that_it_takes(client: httpx.AsyncClient) -> None:
    """The compressed copy is sent to who takes it, with an ETag of its own, and caches are told why."""
    tags = set()
    for accepted, encoding, expected in (
        ("gzip, deflate, br, zstd", "br", b"as brotli"),
        ("gzip", "gzip", GZIPPED),
        ("identity", None, SCRIPT),
    ):
        async with client.stream("GET", SCRIPT_PATH, headers={"accept-encoding": accepted}) as answer:
            content = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["vary"] == "accept-encoding"
        assert content == expected
        tags.add(answer.headers["etag"])
    assert len(tags) == 3


async def test_a_file_without_copies_is_sent_as_it_is(client: httpx.AsyncClient) -> None:
    """A font is compressed in itself, so it has one form for all."""
    answer = await client.get("/assets/inter-9f.woff2", headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers
    assert answer.content == FONT


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("BR ; Q=0.3", "br"),
        ("br;q=0, gzip;q=0", None),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("br;q=high, gzip", "gzip"),
        ("br;q=2, gzip;q=0.1", "gzip"),
        ("deflate, zstd", None),
        (";;,q=1,", None),
    ],
)
def test_the_encoding_is_that_which_the_client_likes_best(accepted: str, encoding: str | None) -> None:
    """Weights decide, then what is smaller; what is refused, unknown or unreadable is not chosen."""
    assert chosen(accepted, {"br", "gzip"}) == encoding


def test_an_encoding_that_is_not_there_is_not_chosen() -> None:
    """Where only one copy exists the other encoding is not promised."""
    assert chosen("br, gzip;q=0.1", {"gzip"}) == "gzip"
    assert chosen("br", {"gzip"}) is None


async def test_who_has_a_file_is_told_so(client: httpx.AsyncClient) -> None:
    """A request with the ETag of a file gets 304 without content, one with another ETag the file."""
    tag = (await client.get("/icon.svg")).headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.get("/icon.svg", headers={"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert (await client.get("/icon.svg", headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/..%2findex.html",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets//etc/passwd",
        "/..%2fsecret.txt",
        "/assets/index-1a2b.js.br",
        "/assets/index-1a2b.js%00",
    ],
)
async def test_no_path_leads_out_of_the_page(client: httpx.AsyncClient, path: str) -> None:
    """A path that names a file outside, the document itself or a copy finds nothing."""
    answer = await client.get(httpx.URL("http://wayfold").copy_with(raw_path=path.encode()))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_files_are_in_memory(client: httpx.AsyncClient, built: Path) -> None:
    """What is taken away from the disk while the host runs is still served."""
    (built / "icon.svg").unlink()
    (built / "index.html").unlink()
    assert (await client.get("/icon.svg")).content == b"<svg/>"
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
def test_a_folder_that_is_no_page_is_refused(
    built: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """More files or bytes than a page ever has are not read into memory."""
    assert read_page(built, "") is not None
    monkeypatch.setattr(reading, limit, 3)
    with pytest.raises(BuiltPageError, match="more than"):
        read_page(built, "")


@pytest.mark.parametrize("lacking", [b"<head>", b"__CSP_NONCE__"])
def test_a_document_that_would_not_work_is_refused(built: Path, lacking: bytes) -> None:
    """A document without a head or without a place for the nonce is named instead of served."""
    (built / "index.html").write_bytes(DOCUMENT.replace(lacking, b""))
    with pytest.raises(BuiltPageError, match=r"index\.html"):
        read_page(built, "")
