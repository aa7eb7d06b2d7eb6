"""docs/files.md shows a mapping that works."""

from pathlib import Path

from tests.agents.files.test_mapping import made
from wayfold.agents.files.mapping import parse_mapping

PAGE = Path(__file__).parents[3] / "docs" / "files.md"


def test_the_mapping_in_the_documentation_makes_the_events_it_describes() -> None:
    """A paid order in the documented log gives the entry, the step and the goal, all of them valid."""
    text = PAGE.read_text().partition("```yaml\n")[2].partition("```")[0]
    paid = {
        "customer": "ada",
        "order": "7",
        "ordered": "01.11.2026 12:00",
        "changed": "01.11.2026 12:05",
        "status": "paid",
        "amount": "12.50",
        "currency": "$",
        "shop": "north",
        "items": "",
    }
    mapping = parse_mapping(text.encode())
    entered, step, goal = made(mapping, paid)
    exited = made(mapping, {**paid, "status": "cancelled"})[-1]
    assert [each["type"] for each in (entered, step, goal)] == [
        "journey.entered",
        "step.entered",
        "goal.reached",
    ]
    assert (goal["value"], goal["currency"], goal["properties"]) == ("12.50", "USD", {"shop": "north"})
    assert (exited["type"], exited["reason"]) == ("journey.exited", "removed")
