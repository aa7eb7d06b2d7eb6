"""What a replay hears over HTTP: of its own events by a watch, else of all by the difference."""

from collections import Counter
from typing import cast

import pytest

from tests.agents.files.test_verdicts import tally
from wayfold.agents.files import verdicts
from wayfold.agents.files.http_verdicts import HttpVerdicts, HttpWatcher, Watch
from wayfold.agents.files.verdicts import Tally


class Host:
    """A host that has judged everything; `watches` are what it says of the only watch, in turn."""

    def __init__(self, judged: list[int], watches: list[Watch | None], watch_id: str | None = "w") -> None:
        self.judged = judged
        self.watches = watches
        self.watch_id = watch_id

    async def tally(self) -> Tally:
        judged = self.judged.pop(0) if len(self.judged) > 1 else self.judged[0]
        return tally([judged], [judged])

    async def open_watch(self) -> str | None:
        return self.watch_id

    async def watched(self, watch_id: str) -> Watch | None:
        assert watch_id == self.watch_id
        return self.watches.pop(0)


def watcher(host: Host) -> HttpWatcher:
    return HttpWatcher(cast("HttpVerdicts", host), patience_s=5.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "LONGEST_PAUSE_S", verdicts.FIRST_PAUSE_S)


async def test_a_watch_is_waited_for() -> None:
    """The outcome is what the watch says once all its records are judged, those sent again among them."""
    steps = [
        Watch("w", 0, 0, 0, {}),
        Watch("w", 4, 1, 0, {}),
        Watch("w", 4, 1, 2, {"late": 1}),
    ]
    watch = watcher(Host([10, 99], list(steps)))
    await watch.begin()
    assert watch.watch_id == "w"
    outcome = await watch.finish(3)
    assert (outcome.counted, outcome.repeated, outcome.refused) == (1, 2, Counter(late=1))
    assert (outcome.records, outcome.others, outcome.is_own) == (3, 1, True)


async def test_a_host_without_watches_is_asked_for_the_difference() -> None:
    """`wayfold serve` keeps no watches: nothing is named with the events, and all that came is counted."""
    watch = watcher(Host([10, 14], [], watch_id=None))
    await watch.begin()
    assert watch.watch_id is None
    outcome = await watch.finish(3)
    assert (outcome.counted, outcome.others, outcome.is_own) == (4, 1, False)


async def test_a_host_that_started_anew_is_asked_for_the_difference() -> None:
    """A watch that is forgotten does not make the outcome unknown."""
    watch = watcher(Host([10, 13], [Watch("w", 2, 1, 0, {}), None]))
    await watch.begin()
    outcome = await watch.finish(3)
    assert (outcome.counted, outcome.others, outcome.is_own) == (3, 0, False)
