"""The publishing client as its documentation shows it: this only has to pass the type checker."""

from datetime import UTC, datetime
from pathlib import Path

from wayfold.publish import (
    GoalReached,
    InvalidEventError,
    JourneyEntered,
    MessageSent,
    Publisher,
    PublishError,
    amount,
)


def publish_an_order(order_id: str, user_id: str) -> None:
    with Publisher("localhost:9092") as publisher:
        publisher.publish(
            GoalReached(
                event_id=f"order-{order_id}",
                occurred_at=datetime.now(UTC),
                user_id=user_id,
                name="purchase_completed",
                value=amount("129.90"),
                currency="EUR",
            )
        )


def publish_and_react(publisher: Publisher, event: JourneyEntered | MessageSent) -> list[str]:
    try:
        publisher.publish(event).wait(timeout_s=10)
    except InvalidEventError as error:
        return [error.refusal.field, error.refusal.message]
    except PublishError as error:
        return error.event_ids
    return []


def test_the_documentation_shows_this_example() -> None:
    """The Python block of docs/publishing.md is the code above, so that it is known to type-check."""
    page = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text()
    block = page.partition("```python\n")[2].partition("```")[0]
    source = Path(__file__).read_text()
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    code = [line.strip() for line in source.splitlines()]
    assert [line for line in lines if not line.startswith("from ") and line not in code] == []
