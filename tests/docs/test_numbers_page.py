"""The page that says what the numbers mean, against the numbers."""

from pathlib import Path

from wayfold.models.numbers.catalogue import BREAKDOWNS, NUMBERS

PAGE = Path(__file__).parents[2] / "docs" / "numbers.md"


def test_every_number_is_explained() -> None:
    """Each name that an answer holds is on the page, with its title and meaning."""
    page = PAGE.read_text(encoding="utf-8")
    names = [number.name for number in NUMBERS] + [table.name for table in BREAKDOWNS]
    names += ["not_filterable", "as_of", "watermark", "lag_ms"]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert [one.name for one in NUMBERS if f"| {one.title} | {one.unit} | {one.meaning} |" not in page] == []
