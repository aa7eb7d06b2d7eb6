"""Journeys with open conversion windows, which close as the watermark of the whole system moves on."""

from collections.abc import Iterator, Mapping

from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.state.views import JOURNEY


class OpenWindows:
    """Journeys that have exited entries inside their window, and the watermark at which they were judged."""

    def __init__(self) -> None:
        self._judged_ms: dict[JourneyName, int] = {}

    def note(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        """Take in views that were read at a watermark."""
        fields = views.get(JOURNEY)
        if fields is None:
            return
        self._judged_ms.pop(name, None)
        if fields.get("open_entries", 0) > fields.get("active_entries", 0):
            self._judged_ms[name] = watermark_ms

    def outdated(self, watermark_ms: int) -> Iterator[JourneyName]:
        """Journeys to be judged again, those that were judged longest ago first."""
        for name, judged_ms in list(self._judged_ms.items()):
            if judged_ms >= watermark_ms:
                return
            yield name

    def forget(self, name: JourneyName) -> None:
        """Leave a journey out."""
        self._judged_ms.pop(name, None)
