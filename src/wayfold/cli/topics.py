"""`wayfold topics`: whether the topics in Kafka are as the workers need them, and their creation."""

from rich.console import Console

from wayfold.agents.kafka.topic_times import times_warning
from wayfold.agents.kafka.topics import all_topics, ensure_topics, find_topics
from wayfold.settings import Settings


def show_topics(settings: Settings, console: Console, *, create: bool) -> None:
    """Print the topics with their partition count; with `create` missing ones are made first.

    Raises TopicsError when topics are missing or do not fit together, and BrokerUnreachableError.
    """
    created = set(ensure_topics(settings.kafka)) if create else set()
    found = find_topics(settings.kafka)
    for name in all_topics(settings.kafka.topic_prefix):
        console.print(f"{name}{' (created)' if name in created else ''}", highlight=False)
    console.print(f"{found.partitions} partitions each, keyed by user id", highlight=False)
    warning = times_warning(settings.kafka)
    if warning is not None:
        console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
