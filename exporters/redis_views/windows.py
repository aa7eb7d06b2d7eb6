"""Journeys with open conversion windows, which close as their account's watermark moves on."""

from collections.abc import Iterator, Mapping

from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.state.reading.views import JOURNEY


class OpenWindows:
    """Journeys that have exited entries inside their window, and the watermark at which they were judged."""

    def __init__(self) -> None:
        self._judged_ms: dict[JourneyName, int] = {}

    def note(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        """Take in changed views, open windows judged at a watermark; -1 when not all of them were."""
        if watermark_ms < 0:
            self._judged_ms[name] = watermark_ms
        elif JOURNEY in views:
            self.note_whole(name, views, watermark_ms)

    def note_whole(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        """Take in all views of a journey; one that has none, and an account, has no open windows either."""
        self._judged_ms.pop(name, None)
        fields = views.get(JOURNEY, {})
        if fields.get("open_entries", 0) > fields.get("open_active_entries", 0):
            self._judged_ms[name] = watermark_ms

    def outdated(self, watermarks: Mapping[str, int]) -> Iterator[JourneyName]:
        """Journeys to be judged again, at the watermarks of their accounts."""
        return (
            name
            for name, judged_ms in list(self._judged_ms.items())
            if judged_ms < watermarks.get(name.account_id, -1)
        )

    def accounts(self) -> set[str]:
        """The accounts whose watermarks may close a window."""
        return {name.account_id for name in self._judged_ms}
