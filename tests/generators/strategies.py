"""Hypothesis strategies over the colliding world: event sets that shrink to the few events that matter."""

from typing import Any

from hypothesis import strategies as st

from tests.generators.world import ANCHORS, TIME_ZONES, Event, World


@st.composite
def event_sets(draw: st.DrawFn, max_size: int = 40) -> list[tuple[str, Event]]:
    """Up to `max_size` events, each with the kind of its topic."""
    world = World(
        accounts=draw(
            st.sampled_from((("default",), ("acme",), ("default", "acme", "globe"), tuple(TIME_ZONES)))
        ),
        users=draw(st.sampled_from((("u1",), ("u1", "u2", "u3")))),
        journeys=draw(st.sampled_from((("j1",), ("j1", "j:2")))),
        entries=draw(st.sampled_from((("e1",), ("e1", "e2")))),
        anchors=draw(st.lists(st.sampled_from(ANCHORS), min_size=1, max_size=3, unique=True)),
    )

    def pick(options: Any) -> Any:
        return draw(st.sampled_from(options))

    count = draw(st.integers(0, max_size))
    return [world.event(pick) for _ in range(count)]


RANGES: tuple[dict[str, str], ...] = (
    {},
    {"start": "2026-03-29"},
    {"end": "2026-03-31T23:00"},
    {"start": "2026-03-29", "end": "2026-03-30"},
    {"start": "2026-03-28T23:00", "end": "2026-03-29T04:00"},
    {"start": "2026-03-29T02:00", "end": "2026-03-29T03:00"},
    {"start": "2026-10-25T02:00", "end": "2026-10-25T03:00"},
    {"start": "2026-10-25", "end": "2026-10-26"},
    {"start": "2026-03-01", "end": "2026-11-01"},
    {"start": "2026-04-01", "end": "2026-04-01"},
)


def drawn_queries() -> st.SearchStrategy[dict[str, Any]]:
    """Questions about the world: any mixture of filters, ranges and clocks."""

    def one(name: str, *values: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.sampled_from([{}, {}, {}, *({name: value} for value in values)])

    parts = st.tuples(
        st.sampled_from(RANGES),
        one("account_id", "acme", "nobody"),
        one("journey_id", "j1", "nothing"),
        one("version", 1, 2),
        one("step_id", "s1", "s:3"),
        one("channel", "email", "push"),
        one("platform", "none", "ios"),
        one("variant", "A", ""),
        st.sampled_from([{}, {"clock": "entry"}, {"clock": "event"}]),
    )
    return parts.map(lambda some: {name: value for part in some for name, value in part.items()})
