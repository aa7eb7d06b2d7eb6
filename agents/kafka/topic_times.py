"""Whose clock the records of the topics carry: Kafka's own, or that of each publisher.

What is refused as `future`, how old what waits is, and when a person is billed all go by the record's time.
With `message.timestamp.type=LogAppendTime` that is the time at which Kafka took the record; otherwise it is
whatever the publisher says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka.admin import ConfigResource

from wayfold.agents.kafka.topics import LOG_TIME, TIMESTAMP_TYPE, admin, event_topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wayfold.settings import KafkaSettings


def topics_with_publishers_times(settings: KafkaSettings) -> list[str]:
    """Name the event topics whose records carry their publishers' times.

    A topic whose configuration this login may not read (DescribeConfigs) is left out. Raises
    `BrokerUnreachableError`.
    """
    names = event_topics(settings.topic_prefix)
    with admin(settings) as client:
        asked = [ConfigResource("topic", name, [TIMESTAMP_TYPE]) for name in names]
        found = client.describe_configs(asked, config_filter="all").get("topic", {})
    types = {name: found.get(name, {}).get(TIMESTAMP_TYPE, {}).get("value") for name in names}
    return [name for name, value in types.items() if value not in (None, LOG_TIME)]


def times_warning(settings: KafkaSettings) -> str | None:
    """Say what it means that topics carry publishers' times and how to mend it; None when none does.

    Raises `BrokerUnreachableError`.
    """
    topics = topics_with_publishers_times(settings)
    return mending(topics, settings.bootstrap_servers) if topics else None


def mending(topics: Sequence[str], bootstrap_servers: str) -> str:
    """Say how to let Kafka's clock decide in these topics from now on."""
    return (
        f"Records of {', '.join(topics)} carry the times of their publishers. When a publisher's clock is "
        "wrong, events are refused as `future` that are not or counted that are, and persons are billed at a "
        "wrong time. Have Kafka put its own time on what it takes from now on: "
        f"for topic in {' '.join(topics)}; do kafka-configs.sh "
        f"--bootstrap-server {bootstrap_servers} --alter --entity-type topics "
        f'--entity-name "$topic" --add-config {TIMESTAMP_TYPE}={LOG_TIME}; done'
    )
