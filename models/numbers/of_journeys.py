"""The numbers of a journey, and of each of its versions."""

from functools import partial
from typing import Final

from wayfold.models.numbers.entry import EVERY_FILTER, JOURNEY, PlacedBy, by_both, number
from wayfold.models.numbers.of_messages import message_numbers

_entry_number = partial(number, scopes=JOURNEY, filters=("version",))
_BY_ENTRY: Final = by_both("entry")
_BY_EXIT: Final = PlacedBy(event="exit", entry="entry")
_BY_FIRST_GOAL: Final = PlacedBy(event="first_goal", entry="entry")
_BY_GOAL: Final = PlacedBy(event="goal", entry="entry")

OF_JOURNEYS: Final = (
    _entry_number(
        name="total_entries",
        title="Total entries",
        meaning="Known entries. A repeat by the same user counts again.",
        unit="entries",
        placed_by=_BY_ENTRY,
        list="total_entries",
    ),
    _entry_number(
        name="entered_users",
        title="Profiles in journey",
        short_title="Entered",
        meaning="Distinct users with a known entry.",
        unit="users",
        placed_by=_BY_ENTRY,
        list="entered_users",
    ),
    _entry_number(
        name="active_entries",
        title="Active entries",
        short_title="Active",
        meaning="Known entries without an exit, as of now. A range selects them by the entry's time.",
        unit="entries",
        placed_by=_BY_ENTRY,
        list="active_entries",
    ),
    _entry_number(
        name="exited_entries",
        title="Exited entries",
        short_title="Exits",
        meaning="Known entries with an exit.",
        unit="entries",
        placed_by=_BY_EXIT,
        list="exited_entries",
    ),
    _entry_number(
        name="exited_users",
        title="Profiles exited",
        meaning="Distinct users with a known entry that has an exit.",
        unit="users",
        placed_by=_BY_EXIT,
        list="exited_users",
    ),
    _entry_number(
        name="converted_entries",
        title="Converted entries",
        meaning=(
            "Entries with a goal event of their version's definition at or after the entry and, once exited, "
            "not after the exit plus the conversion window. Both ends are included."
        ),
        unit="entries",
        placed_by=_BY_FIRST_GOAL,
        list="converted_entries",
    ),
    _entry_number(
        name="converted_users",
        title="Goal performers",
        meaning="Distinct users with a converted entry: one per user, however many goals.",
        unit="users",
        placed_by=_BY_FIRST_GOAL,
        list="converted_users",
    ),
    _entry_number(
        name="conversion_events",
        title="Goal events",
        meaning="Distinct goal events that qualify for at least one entry.",
        unit="events",
        placed_by=_BY_GOAL,
        list="conversion_events",
    ),
    _entry_number(
        name="conversion_values",
        title="Goal value",
        meaning="The values of the goal events that qualify for at least one entry, exact, by currency.",
        unit="money",
        placed_by=_BY_GOAL,
    ),
    _entry_number(
        name="conversion_rate",
        title="Conversion rate",
        short_title="Conversion",
        meaning=(
            "Goal performers ÷ profiles in journey, both by the time of their entry, so it is never above 1. "
            "Null when nobody entered."
        ),
        unit="share",
        placed_by=_BY_ENTRY,
        numerator="converted_users",
        denominator="entered_users",
    ),
    _entry_number(
        name="conversion_rate_open.entries",
        title="Open entries",
        meaning=(
            "Entries, converted or not, of versions with a goal or without a definition yet that have not "
            "exited, or whose exit plus conversion window is not before the watermark."
        ),
        unit="entries",
        placed_by=_BY_ENTRY,
    ),
    _entry_number(
        name="conversion_rate_open.closes_at",
        title="Settled on",
        meaning=(
            "When the last of the open entries closes: the greatest exit plus conversion window. Null while "
            "one of them has not exited, and when none is open."
        ),
        unit="instant",
        placed_by=_BY_ENTRY,
    ),
    _entry_number(
        name="total_exits",
        title="Total exits",
        meaning=(
            "Exited entries that did not convert. A late goal inside the conversion window takes one off."
        ),
        unit="entries",
        placed_by=_BY_EXIT,
        list="total_exits",
    ),
    _entry_number(
        name="total_exits_open.entries",
        title="Open exits",
        meaning=(
            "Those of the total exits that can still convert: their exit plus conversion window is not "
            "before the watermark. A range selects them by the entry's time."
        ),
        unit="entries",
        placed_by=_BY_ENTRY,
    ),
    _entry_number(
        name="total_exits_open.closes_at",
        title="Exits settled on",
        meaning="When the window of the last open exit closes. Null when none is open.",
        unit="instant",
        placed_by=_BY_ENTRY,
    ),
    number(
        name="active_users",
        scopes=JOURNEY,
        title="Active profiles",
        meaning=(
            "Distinct users with a known entry, a sent or delivered message of the journey, and a view, open "
            "or click of one. Machines do not count. Filters but the version choose the views, opens and "
            "clicks only."
        ),
        unit="users",
        filters=EVERY_FILTER,
        placed_by=by_both("interaction"),
        list="active_users",
    ),
    *message_numbers(JOURNEY, EVERY_FILTER, counters=("events", "messages")),
)
