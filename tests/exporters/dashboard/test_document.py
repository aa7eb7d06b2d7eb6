"""The document of the page: where it is served, and with which headers."""

import re

import httpx
import pytest

PAGES = [
    "/",
    "/journeys",
    "/journeys/",
    "/journeys/welcome",
    "/journeys/a%2Fb/steps/x%2Fy",
    "/journeys/ü/funnel?by=day",
]


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    """The content security policy, by directive."""
    directives = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in directives}


def nonce(answer: httpx.Response) -> str:
    """The nonce that the header allows."""
    (found,) = {one for values in policy(answer).values() for one in values if one.startswith("'nonce-")}
    return found.removeprefix("'nonce-").removesuffix("'")


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_the_document(client: httpx.AsyncClient, path: str) -> None:
    """Each address of a page answers with the document, whose first element in the head is the base."""
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<div id="root">' in answer.text
    assert re.search(r'<head>\s*<base href="/">', answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/journeysx",
        "/nothing",
        "/assets",
        "/assets/",
        "/assets/missing-1.js",
        "/static/icon.svg",
        "/journey",
    ],
)
async def test_no_other_path_is_the_document(client: httpx.AsyncClient, path: str) -> None:
    """An unknown path, and an unknown asset too, is a 404 problem even for a browser."""
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_each_answer_has_a_nonce_of_its_own(client: httpx.AsyncClient) -> None:
    """The nonce is another one in each answer, long, and the same in the header and all over the document."""
    first, second = await client.get("/"), await client.get("/")
    assert nonce(first) != nonce(second)
    for answer in (first, second):
        assert len(nonce(answer)) >= 22
        assert set(re.findall(r'nonce="([^"]*)"', answer.text)) == {nonce(answer)}
        assert answer.text.count(nonce(answer)) == 2
        assert "__CSP_NONCE__" not in answer.text


async def test_the_policy_allows_nothing_but_what_the_page_needs(client: httpx.AsyncClient) -> None:
    """Everything comes from here, and no inline script or style runs without the nonce."""
    answer = await client.get("/journeys/welcome")
    own = ["'self'", f"'nonce-{nonce(answer)}'"]
    assert policy(answer) == {
        "default-src": ["'none'"],
        "script-src": own,
        "style-src": own,
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


async def test_the_document_is_neither_kept_nor_sniffed_nor_told_of(client: httpx.AsyncClient) -> None:
    """No cache keeps the document, and the headers that protect its reader are there."""
    headers = (await client.get("/")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


async def test_head_is_get_without_the_content(client: httpx.AsyncClient) -> None:
    """HEAD answers as GET does, with the length and without the content."""
    got, headed = await client.get("/journeys"), await client.head("/journeys")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


async def test_the_page_is_only_read(client: httpx.AsyncClient) -> None:
    """Another method is a 405 problem that names those there are."""
    answer = await client.post("/")
    assert answer.status_code == 405
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_is_no_part_of_the_api(client: httpx.AsyncClient) -> None:
    """The OpenAPI document lists nothing of the page, and the API answers beside it."""
    paths = (await client.get("/schema")).json()["paths"]
    assert paths
    assert all(path.startswith(("/v1/", "/healthz", "/readyz", "/metrics")) for path in paths)
    assert (await client.get("/v1/journeys")).headers["content-type"] == "application/json"
