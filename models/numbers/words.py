"""The filters, clocks and times that numbers are asked by."""

from typing import Final

from wayfold.models.numbers.entry import CatalogueWord

FILTERS: Final = (
    CatalogueWord(name="version", title="Version", meaning="Only this version of the journey."),
    CatalogueWord(name="step", title="Step", meaning="Only this step."),
    CatalogueWord(name="channel", title="Channel", meaning="Only messages of this channel."),
    CatalogueWord(name="platform", title="Platform", meaning="Only message events of this platform."),
    CatalogueWord(
        name="variant",
        title="Variant",
        meaning="Only this variant: that of the first arrival at the step. Dwell takes each arrival's own.",
    ),
)
CLOCKS: Final = (
    CatalogueWord(
        name="event",
        title="By their own time",
        meaning="Exits and conversions fall in a range by their own time.",
    ),
    CatalogueWord(
        name="entry",
        title="By the time of entry",
        meaning="Exits and conversions fall in a range by the time of their entry.",
    ),
)
TIMES: Final = (
    CatalogueWord(
        name="entry", title="Entry", meaning="The time of the entry; of a goal event the earliest entry's."
    ),
    CatalogueWord(name="exit", title="Exit", meaning="The time of the exit."),
    CatalogueWord(
        name="first_goal", title="First goal", meaning="The time of the entry's first qualifying goal event."
    ),
    CatalogueWord(name="goal", title="Goal", meaning="The goal event's own time."),
    CatalogueWord(
        name="first_arrival", title="First arrival", meaning="The entry's first arrival at the step."
    ),
    CatalogueWord(name="arrival", title="Arrival", meaning="Each arrival at the step."),
    CatalogueWord(
        name="status",
        title="Own time",
        meaning="The message event's own time; a user counts at every one of them.",
    ),
    CatalogueWord(
        name="first_status", title="First of the status", meaning="The message's first event of the status."
    ),
    CatalogueWord(
        name="interaction", title="Interaction", meaning="The time of the views, opens and clicks."
    ),
)
