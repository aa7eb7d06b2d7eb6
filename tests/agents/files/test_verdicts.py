"""What became of a replay's events: the difference of what a system had judged before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from wayfold.agents.files import verdicts
from wayfold.agents.files.verdicts import Difference, Tally, VerdictsUnknownError

Step = Tally | VerdictsUnknownError


class Scripted:
    """Gives one answer after another, the last one for ever."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.asked = 0

    async def tally(self) -> Tally:
        self.asked += 1
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, VerdictsUnknownError):
            raise step
        return step


def tally(
    offsets: Sequence[int],
    ends: Sequence[int] | None = None,
    refused: Mapping[str, int] | None = None,
    **fields: Any,
) -> Tally:
    """A tally of a log with one topic: what is not repeated and not refused was counted."""
    refused, repeated = dict(refused or {}), fields.pop("repeated", 0)
    return Tally(
        partitions=len(offsets),
        offsets={(number, "steps"): at for number, at in enumerate(offsets)},
        ends=None if ends is None else {(number, "steps"): at for number, at in enumerate(ends)},
        is_settled=fields.pop("is_settled", True),
        counted=sum(offsets) - repeated - sum(refused.values()),
        repeated=repeated,
        refused=refused,
    )


BEFORE = tally([10, 20], [10, 20], {"late": 5, "future": 1}, repeated=2)
GONE = VerdictsUnknownError("nobody is there", may_pass=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "LONGEST_PAUSE_S", verdicts.FIRST_PAUSE_S)


async def test_what_became_of_events_is_the_difference() -> None:
    """Counted, repeated and refused by reason are those of what was sent, not of what was there before."""
    after = tally([13, 24], [13, 24], {"late": 7, "future": 1, "wrong_field": 1}, repeated=3)
    watch = Difference(Scripted(BEFORE, after))
    await watch.begin()
    outcome = await watch.finish(7)
    assert (outcome.counted, outcome.repeated, outcome.records, outcome.others) == (3, 1, 7, 0)
    assert outcome.refused == {"late": 2, "wrong_field": 1}


async def test_what_was_sent_before_is_judged_first() -> None:
    """Records that wait when the replay begins are none of its events."""
    waiting = tally([4, 20], [10, 20])
    source = Scripted(waiting, BEFORE, tally([11, 20], [11, 20], dict(BEFORE.refused), repeated=2))
    watch = Difference(source)
    await watch.begin()
    outcome = await watch.finish(1)
    assert (outcome.counted, outcome.repeated, outcome.refused, outcome.others) == (1, 0, {}, 0)


async def test_every_place_is_waited_for() -> None:
    """As many records as were sent may be judged before those that were sent are, when others came too."""
    refused = dict(BEFORE.refused)
    steps = [
        tally([11, 20], [11, 22], refused, repeated=2),
        tally([13, 20], [13, 22], refused, repeated=2),
        tally([14, 22], [20, 22], refused, repeated=3),
    ]
    source = Scripted(BEFORE, *steps)
    watch = Difference(source)
    await watch.begin()
    outcome = await watch.finish(3)
    assert (outcome.counted, outcome.repeated, outcome.others) == (5, 1, 3)
    assert source.asked == 4


async def test_an_event_for_all_partitions_is_judged_in_each() -> None:
    """A definition makes a record for every partition, and the waiting is for all of them."""
    refused = dict(BEFORE.refused)
    after = [tally([10 + done, 21], [12, 21], refused, repeated=2) for done in (1, 2)]
    watch = Difference(Scripted(BEFORE, *after))
    await watch.begin()
    outcome = await watch.finish(2, 1)
    assert (outcome.records, outcome.counted, outcome.others) == (3, 3, 0)


async def test_without_known_ends_the_lag_says_when_all_is_judged() -> None:
    """A server that does not know the log's ends tells whether something waits."""
    source = Scripted(
        tally([1], is_settled=False), tally([2]), tally([3], is_settled=False), tally([3]), tally([4])
    )
    watch = Difference(source)
    await watch.begin()
    assert (await watch.finish(2)).counted == 2
    assert source.asked == 5


async def test_an_answer_that_fails_once_is_asked_for_again() -> None:
    """A partition on its way to another worker delays the answer; what cannot pass ends the waiting."""
    watch = Difference(Scripted(GONE, BEFORE, GONE, BEFORE))
    await watch.begin()
    assert (await watch.finish(0)).counted == 0
    with pytest.raises(VerdictsUnknownError, match="no Wayfold"):
        await Difference(Scripted(VerdictsUnknownError("no Wayfold"), BEFORE)).begin()


@pytest.mark.parametrize(
    ("step", "reason"),
    [(GONE, "nobody is there"), (tally([10, 20], [10, 23]), "3 records are not judged yet, and no more are")],
)
async def test_the_waiting_has_an_end(step: Step, reason: str) -> None:
    """When nothing moves, or nobody answers, for long enough, the error says which."""
    with pytest.raises(VerdictsUnknownError, match=reason):
        await Difference(Scripted(step), patience_s=0.1).begin()


async def test_waiting_goes_on_as_long_as_something_moves() -> None:
    """A backlog takes longer than the patience, which is for standing still."""
    heard: list[tuple[int, int]] = []
    steps = [tally([done], [30]) for done in range(1, 31)]
    watch = Difference(
        Scripted(tally([0], [0]), *steps),
        patience_s=1.0,
        progress=lambda done, total: heard.append((done, total)),
    )
    await watch.begin()
    assert (await watch.finish(30)).counted == 30
    assert heard == [(0, 0), *((done, 30) for done in range(1, 31))]
