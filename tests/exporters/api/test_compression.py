"""Large answers are compressed for who takes them so, and are the same answers."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, Response, get

from wayfold.exporters.api.compression import LEAST_BYTES, CompressLarge, takes_gzip

LARGE = b"1" * LEAST_BYTES


@get("/large", media_type="application/json")
async def large() -> Response[bytes]:
    return Response(LARGE, headers={"etag": 'W/"tag"'}, media_type="application/json")


@get("/small", media_type="application/json")
async def small() -> Response[bytes]:
    return Response(LARGE[:-1], media_type="application/json")


@get("/compressed")
async def compressed() -> Response[bytes]:
    return Response(LARGE, headers={"content-encoding": "br"}, media_type="application/json")


@get("/picture")
async def picture() -> Response[bytes]:
    return Response(LARGE, media_type="image/png")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app: Any = Litestar([large, small, compressed, picture], middleware=[CompressLarge], openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://wayfold") as client:
        client.headers.pop("accept-encoding")
        yield client


async def raw(client: httpx.AsyncClient, path: str, accepted: str | None) -> tuple[httpx.Headers, bytes]:
    headers = {} if accepted is None else {"accept-encoding": accepted}
    async with client.stream("GET", path, headers=headers) as response:
        return response.headers, b"".join([part async for part in response.aiter_raw()])


async def test_a_large_answer_is_the_same_compressed(client: httpx.AsyncClient) -> None:
    """64 KiB of JSON come in gzip, with their own length, the same tag, and a word to caches in between."""
    headers, body = await raw(client, "/large", "gzip, br")
    assert (headers["content-encoding"], headers["vary"], headers["etag"]) == (
        "gzip",
        "Accept-Encoding",
        'W/"tag"',
    )
    assert int(headers["content-length"]) == len(body) < LEAST_BYTES
    assert gzip.decompress(body) == LARGE


async def test_who_does_not_take_gzip_gets_it_as_it_is(client: httpx.AsyncClient) -> None:
    """Without gzip in Accept-Encoding the answer is plain, and says that it would be another with it."""
    for accepted in (None, "", "br", "gzip;q=0", "gzip;q=0.000, *"):
        headers, body = await raw(client, "/large", accepted)
        assert body == LARGE
        assert "content-encoding" not in headers
        assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/small", "/compressed", "/picture"])
async def test_what_is_not_worth_it_stays(client: httpx.AsyncClient, path: str) -> None:
    """Small answers, those compressed already and pictures are sent as they are."""
    headers, body = await raw(client, path, "gzip")
    assert headers.get("content-encoding") != "gzip"
    assert len(body) >= LEAST_BYTES - 1


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("GZIP ; q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_what_accept_encoding_takes(accepted: str, expected: bool) -> None:
    """Weights and the star are read as the standard says."""
    assert takes_gzip(accepted) is expected
