"""The numbers of a step of a journey version."""

from functools import partial
from typing import Final

from wayfold.models.numbers.entry import EVERY_FILTER, STEP, PlacedBy, by_both, number
from wayfold.models.numbers.of_messages import message_numbers

_arrival_number = partial(number, scopes=STEP, filters=("version", "step", "variant"))
_goal_number = partial(number, scopes=STEP, filters=("version", "step"), placed_by=by_both("goal"))
_BY_EXIT: Final = PlacedBy(event="exit", entry="entry")
_STAY: Final = "the entry's exit, where that comes before its next arrival, else to its next arrival"

OF_STEPS: Final = (
    _arrival_number(
        name="entered",
        title="Entered",
        meaning="Distinct entries that arrived at the step, at their first arrival and with its variant.",
        unit="entries",
        placed_by=by_both("first_arrival"),
        list="entered",
    ),
    _arrival_number(
        name="entered_users",
        title="Users who entered",
        meaning="Distinct users of the entries that arrived at the step.",
        unit="users",
        placed_by=by_both("first_arrival"),
        list="entered_users",
    ),
    _arrival_number(
        name="current",
        title="Here now",
        meaning=(
            "Known entries without an exit whose latest step this is, as of now. A range selects them by the "
            "entry's time."
        ),
        unit="entries",
        placed_by=by_both("entry"),
        list="current",
    ),
    _arrival_number(
        name="dropped",
        title="Dropped",
        meaning="Known entries that exited, not converted, with this as their latest step.",
        unit="entries",
        placed_by=_BY_EXIT,
        list="dropped",
    ),
    _arrival_number(
        name="dropped_users",
        title="Users who dropped",
        meaning="Distinct users of the entries that exited, not converted, with this as their latest step.",
        unit="users",
        placed_by=_BY_EXIT,
        list="dropped_users",
    ),
    *message_numbers(STEP, EVERY_FILTER),
    _goal_number(
        name="goals.events",
        title="Goals here",
        meaning=(
            "Goal events whose publisher named the journey, entry and step, by the goal's name, under the "
            "entry's version. They wait for their entry to be known."
        ),
        unit="events",
        list="goals:<name>",
    ),
    _goal_number(
        name="goals.values",
        title="Value of goals here",
        meaning="The values of the goal events at the step, exact, by the goal's name and by currency.",
        unit="money",
    ),
    _arrival_number(
        name="dwell.count",
        title="Stays",
        meaning="Arrivals whose stay has ended, those of unknown entries too.",
        unit="arrivals",
        placed_by=by_both("arrival"),
    ),
    *(
        _arrival_number(
            name=f"dwell.p{percent}_ms",
            title=title,
            meaning=(
                f"Time from each arrival to {_STAY}: {percent} of 100 stays are at most this long "
                "(nearest rank, within 1 %)."
            ),
            unit="milliseconds",
            placed_by=by_both("arrival"),
        )
        for percent, title in ((50, "Median dwell"), (90, "Dwell of 90 %"), (99, "Dwell of 99 %"))
    ),
)
