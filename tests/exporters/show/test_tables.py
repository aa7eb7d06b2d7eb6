"""`wayfold show` prints the numbers of the document, for people."""

import io
from typing import Any

import pytest
from rich.console import Console

from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.show.tables import cell, duration, print_document
from wayfold.state.reading.query import Query


async def printed(query: Query, journey_id: str | None) -> str:
    document = await OracleSource(traffic()).document(query)
    out = io.StringIO()
    print_document(document, Console(file=out, width=200), journey_id=journey_id)
    return out.getvalue()


def row(text: str, start: str) -> list[str]:
    """Find the line that begins with these words, and cut it at wide gaps."""
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    return [part.strip() for part in line.split("  ") if part.strip()]


async def test_a_line_for_each_journey() -> None:
    """Without a journey there is a line for each, with its main numbers."""
    text = await printed(Query(), None)
    line = next(line.split() for line in text.splitlines() if "acme/welcome " in line)
    assert line == ["acme/welcome", "1,", "2", "3", "3", "1", "2", "66.7%", "0"]
    assert "engaged persons 2026-11 4" in text
    assert "watermark 2026-11-02T10:00:07.000Z · lag 0 ms" in text


async def test_a_journey_and_its_funnel() -> None:
    """A journey has its numbers over all and by version, and each version's steps in order."""
    text = await printed(Query(account_id="acme", journey_id="welcome"), "welcome")
    assert row(text, "users converted") == ["users converted", "2", "2", "0"]
    assert row(text, "goal value") == ["goal value", "25 EUR", "25 EUR", "–"]
    mail = row(text, "First mail")
    assert mail[:2] == ["First mail", "email"]
    assert mail[3:] == ["3", "1", "0", "4.0 s", "4.0 s"]
    sent = row(text[text.index("users by status") :], "First mail")
    assert sent == ["First mail", "3", "3", "3", "100.0%", "0.0%"]
    assert text.index("First mail") < text.index("wait/a day")


async def test_what_a_filter_leaves_out_is_a_dash() -> None:
    """A number that the filter does not apply to is shown as a dash, and the dash is explained."""
    text = await printed(Query(account_id="acme", journey_id="welcome", channel="email"), "welcome")
    assert row(text, "entries") == ["entries", "–", "–", "–"]
    assert "– a filter does not apply to the number" in text


async def test_nothing_yet() -> None:
    """An empty host says how to get numbers."""
    text = io.StringIO()
    document: dict[str, Any] = {
        "as_of": "now",
        "watermark": None,
        "lag_ms": None,
        "accounts": [],
        "journeys": [],
    }
    print_document(document, Console(file=text, width=100), journey_id=None)
    assert "wayfold run --demo" in text.getvalue()
    assert "lag unknown" in text.getvalue()


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [(None, "–"), (0.0, "0 ms"), (999.0, "999 ms"), (1500.0, "1.5 s"), (90_000, "1.5 min"), (2e8, "2.3 d")],
)
def test_durations(milliseconds: float | None, expected: str) -> None:
    """A duration is written in the unit that suits it."""
    assert duration(milliseconds) == expected


def test_open_numbers() -> None:
    """What is still open shows until when."""
    numbers = {
        "a": {"entries": 1200, "closes_at": "2026-11-05T10:00:07.000Z"},
        "b": {"entries": 0, "closes_at": None},
    }
    assert cell(numbers, "a") == "1,200\nto 2026-11-05 10:00"
    assert cell(numbers, "b") == "0"
