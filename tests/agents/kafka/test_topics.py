"""Topics have to be there and have one partition count."""

import pytest

from wayfold.agents.kafka.topics import TopicsError, check_counts, event_topics, topic_kind, topic_name

COUNTS = dict.fromkeys(event_topics("t"), 4)


def test_topics_with_one_count_are_fine() -> None:
    """The count that all topics have is returned."""
    assert check_counts(COUNTS, "t") == 4


def test_other_topics_do_not_matter() -> None:
    """Only the topics of the prefix are looked at."""
    assert check_counts({**COUNTS, "u.entries": 9}, "t") == 4


def test_a_missing_topic_is_named() -> None:
    """The message names what is missing and the command that creates it."""
    counts = {topic: count for topic, count in COUNTS.items() if topic != "t.steps"}
    with pytest.raises(TopicsError, match=r"no topic t\.steps.*wayfold topics create"):
        check_counts(counts, "t")


def test_unequal_counts_are_listed() -> None:
    """The message lists every topic's count and says what to do."""
    with pytest.raises(TopicsError, match=r"t\.entries has 4.*t\.steps has 6.*kafka\.topic_prefix"):
        check_counts({**COUNTS, "t.steps": 6}, "t")


def test_names_and_kinds_belong_together() -> None:
    """A topic's name gives its kind back, whatever dots the prefix has."""
    assert topic_kind("a.b", topic_name("a.b", "entries")) == "entries"
