"""Where the page was not built the engine runs and says so."""

from pathlib import Path

import httpx
import pytest

from tests.exporters.dashboard.conftest import Client
from tests.exporters.dashboard.test_document import nonce
from wayfold.exporters.dashboard import built as reading


@pytest.fixture
def client(client_of: Client, tmp_path: Path) -> httpx.AsyncClient:
    """A client of an application without a page, below a prefix."""
    return client_of("/wayfold", tmp_path / "nothing")


async def test_the_page_says_what_to_run(client: httpx.AsyncClient) -> None:
    """Every address of a page answers 503 in HTML, names the command, and leads to what is there."""
    for path in ("/", "/journeys/welcome"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert "make page" in answer.text
        assert '<base href="/wayfold/">' in answer.text
        assert 'href="v1/journeys"' in answer.text
        assert 'href="schema"' in answer.text
        assert f'<style nonce="{nonce(answer)}">' in answer.text


async def test_all_else_answers(client: httpx.AsyncClient) -> None:
    """Without a page the API answers, and a file of the page is an unknown path."""
    assert (await client.get("/v1/journeys")).status_code == 200
    assert (await client.get("/icon.svg")).status_code == 404


def test_a_damaged_page_keeps_no_host_from_starting(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that cannot be served is told in the log with its reason, and counts as not built."""
    (built / "index.html").write_bytes(b"cut off")
    monkeypatch.setattr(reading, "STATIC", built)
    assert reading.built_page("") is None
    assert "index.html has no <head>" in capsys.readouterr().out
