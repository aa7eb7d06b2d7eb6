"""The numbers of an account."""

from functools import partial
from typing import Final

from wayfold.models.numbers.entry import ACCOUNT, number
from wayfold.models.numbers.of_messages import status_numbers

_person_number = partial(number, scopes=ACCOUNT, unit="users")

OF_ACCOUNTS: Final = (
    _person_number(
        name="monthly_engaged_persons.persons",
        title="Monthly engaged persons",
        meaning=(
            "Distinct users of the account with an entry in the calendar month of the account's time zone. "
            "Journeys, entries, channels and messages do not multiply it."
        ),
    ),
    _person_number(
        name="monthly_engaged_persons.journeys.persons",
        title="Engaged persons of the journey",
        meaning="Persons whose first entry of the month (by time, event id, journey id) was in this journey.",
    ),
    _person_number(
        name="monthly_engaged_persons.journeys.marginal_persons",
        title="Marginal persons of the journey",
        meaning="Persons with an entry in this journey and in no other that month.",
    ),
    *status_numbers(ACCOUNT, ("channel", "platform"), listed=False),
)
"""The statuses are those of all messages, inside and outside of journeys, and stand in `channels`."""
