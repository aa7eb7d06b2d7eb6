"""The page that says what the numbers mean, against the numbers."""

from collections.abc import Iterator
from pathlib import Path

from wayfold.state.reading.field_numbers import journey_numbers, step_numbers
from wayfold.state.reading.query import Query

PAGE = Path(__file__).parents[2] / "docs" / "numbers.md"


def _names() -> Iterator[str]:
    yield from journey_numbers({}, Query())
    yield from step_numbers({}, {}, Query())
    yield from ("monthly_engaged_persons", "marginal_persons", "not_filterable")
    yield from ("as_of", "watermark", "lag_ms")


def test_every_number_is_explained() -> None:
    """Each name that an answer holds is on the page."""
    page = PAGE.read_text()
    assert [name for name in _names() if f"`{name}`" not in page] == []
