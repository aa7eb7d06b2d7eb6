"""Large answers are compressed for who takes them so, and say what they are; nothing else is touched."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar, Response, get
from litestar.response import Stream

from wayfold.exporters.api.compression import LEAST_BYTES, CompressLarge, takes_gzip

LARGE = b"[" + b"1234567," * (LEAST_BYTES // 8) + b"0]"


@get("/large")
async def large() -> Response[bytes]:
    """Answer with more than is sent as it is."""
    return Response(LARGE, media_type="application/json", headers={"etag": 'W/"a"'})


@get("/small")
async def small() -> Response[bytes]:
    """Answer with one byte less than is compressed."""
    return Response(b"1" * (LEAST_BYTES - 1), media_type="application/json")


@get("/packed")
async def packed() -> Response[bytes]:
    """Answer with what is compressed already."""
    headers = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    return Response(gzip.compress(LARGE, 0), media_type="application/json", headers=headers)


@get("/image")
async def image() -> Response[bytes]:
    """Answer with what would not get smaller."""
    return Response(LARGE, media_type="image/png")


@get("/stream")
async def stream() -> Stream:
    """Answer piece by piece."""

    async def pieces() -> AsyncIterator[bytes]:
        yield LARGE
        yield LARGE

    return Stream(pieces(), media_type="application/json")


@pytest.fixture(scope="module")
def app() -> Litestar:
    return Litestar([large, small, packed, image, stream], middleware=[CompressLarge], openapi_config=None)


async def raw(app: Litestar, url: str, accepted: str | None) -> tuple[httpx.Headers, bytes]:
    """Give the headers and the bytes of an answer as they are sent."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        client.headers.pop("accept-encoding")
        headers = {} if accepted is None else {"accept-encoding": accepted}
        async with client.stream("GET", url, headers=headers) as answer:
            return answer.headers, b"".join([piece async for piece in answer.aiter_raw()])


async def test_a_large_answer(app: Litestar) -> None:
    """It comes smaller, whole, with its length and its tag, and says that it varies."""
    headers, body = await raw(app, "/large", "br, gzip")
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
    assert (int(headers["content-length"]), headers["etag"]) == (len(body), 'W/"a"')
    assert len(body) < len(LARGE) / 10
    assert gzip.decompress(body) == LARGE


@pytest.mark.parametrize("accepted", [None, "", "br", "gzip;q=0", "identity"])
async def test_who_does_not_take_it(app: Litestar, accepted: str | None) -> None:
    """The answer comes as it is, and says all the same that it varies."""
    headers, body = await raw(app, "/large", accepted)
    assert "content-encoding" not in headers
    assert (headers["vary"], body) == ("Accept-Encoding", LARGE)


@pytest.mark.parametrize(
    ("url", "expected"), [("/small", b"1" * (LEAST_BYTES - 1)), ("/image", LARGE), ("/stream", LARGE + LARGE)]
)
async def test_what_is_left_alone(app: Litestar, url: str, expected: bytes) -> None:
    """Small answers, pictures and streams come as they are."""
    headers, body = await raw(app, url, "gzip")
    assert "content-encoding" not in headers
    assert body == expected


async def test_what_is_compressed_is_not_compressed_again(app: Litestar) -> None:
    """An answer with an encoding of its own keeps it."""
    headers, body = await raw(app, "/packed", "gzip")
    assert headers.get_list("vary") == ["Accept-Encoding"]
    assert gzip.decompress(body) == LARGE


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("GZIP;q=0.1", True),
        ("x-gzip", True),
        ("*", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*;q=0", False),
        ("gzip;q=0.000, *", False),
        ("gzip ; q=0", False),
        ("gzip;level=9", False),
        ("gzips", False),
    ],
)
def test_what_a_client_takes(accepted: str, takes: bool) -> None:
    """Accept-Encoding is read with its weights; what is said of gzip goes before what is said of all."""
    assert takes_gzip(accepted) is takes
