"""The calendars of the accounts."""

from collections.abc import Callable

from wayfold.models.zone import Zone
from wayfold.settings import FoldSettings


def zones_of(settings: FoldSettings) -> Callable[[str], Zone]:
    """Give the function that finds an account's calendar."""
    own = {account_id: Zone(name) for account_id, name in settings.account_time_zones.items()}
    default = Zone(settings.time_zone)
    return lambda account_id: own.get(account_id, default)
