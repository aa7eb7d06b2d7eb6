"""One person's way through one journey, as the events that it leaves behind."""

import random
from typing import Any, Final

from wayfold.simulate.bytes_of import CLICKED, ENDED, OTHER_INPUT, PRESSED, REACHED, PlanBytes, Stamps
from wayfold.simulate.plans import CHANNELS, Branch, Channel, Menu, Plan, PlanStep, Range

PLATFORMS: Final = (b"ios", b"android", b"web")
LEAVES_AT_GOAL_SHARE: Final = 0.5
STEP_GOAL_SHARE: Final = 0.6
OPENED_AGAIN_SHARE: Final = 0.2
HUNG_UP_SHARE: Final = 0.2
"""Of those who answer a call, at each of its menus."""
OTHER_INPUT_SHARE: Final = 0.08

Raw = tuple[int, str, bytes]
"""An event: when it occurs in milliseconds UTC, its topic kind, and its bytes."""


class Walker:
    """Sends people through one journey version.

    `scale` stretches every time of the plan: 1 is natural, 0.001 makes days of a minute and a half.
    """

    def __init__(self, plan: Plan, chance: random.Random, stamps: Stamps, scale: float) -> None:
        self.plan = plan
        self._bytes = PlanBytes(plan)
        self._first = plan.steps[0]
        self._steps = {step.step_id: step for step in plan.steps}
        self._goal_share = plan.goal.during_share
        self._random = chance.random
        self._stamp = stamps
        self._scale_ms = scale * 1000

    def walk(self, start_ms: int, user: bytes, number: bytes, platform: bytes) -> list[Raw]:
        """Give the events of an entry that begins at `start_ms`; `number` tells it from all others."""
        entry = b"n" + number
        pass_ = _Pass(user, entry, number, platform)
        values = (pass_.next_id(), self._stamp(start_ms), user, entry)
        pass_.events.append((start_ms, "entries", self._bytes.entered % values))
        at_ms = start_ms + self._delay((0.1, 2))
        until_goal = self._steps_until_goal()
        step: PlanStep | None = self._first
        while step is not None:
            branch = self._choose(step.branches)
            self._pass_step(pass_, step, branch, at_ms)
            if self._random() < step.stay_share:
                return pass_.events
            next_ms = at_ms + self._delay(branch.after)
            if until_goal == 0:
                reached_ms = at_ms + int(self._random() * (next_ms - at_ms))
                self._reach_goal(pass_, reached_ms)
                if self._random() < LEAVES_AT_GOAL_SHARE:
                    self._exit(pass_, reached_ms + self._delay((0.1, 2)), b"goal")
                    return pass_.events
            until_goal -= 1
            at_ms = next_ms
            step = self._steps.get(branch.to)
        self._exit(pass_, at_ms, b"completed")
        return pass_.events

    def stray_goal(self, at_ms: int, user: bytes, number: bytes, platform: bytes) -> list[Raw]:
        """Give a goal event of somebody who need not be in the journey."""
        pass_ = _Pass(user, None, number, platform)
        self._reach_goal(pass_, at_ms)
        return pass_.events

    def newsletter(self, at_ms: int, user: bytes, number: bytes, platform: bytes) -> list[Raw]:
        """Give the events of a message outside of any journey."""
        pass_ = _Pass(user, None, number, platform)
        self._message(pass_, self._bytes.newsletter, CHANNELS["email"], at_ms)
        return pass_.events

    def _steps_until_goal(self) -> int:
        """Draw at which step of the way the goal is reached; below 0 for not at all."""
        draw = self._random() / self._goal_share
        return int(draw * len(self._steps)) if draw < 1 else -1

    def _pass_step(self, pass_: "_Pass", step: PlanStep, branch: Branch, at_ms: int) -> None:
        """Arrive at a step, and let happen what happens there."""
        patterns = self._bytes.steps[step.step_id]
        if step.type == "split":
            pass_.variant = branch.name.encode()
        event_id, at = pass_.next_id(), self._stamp(at_ms)
        if pass_.variant:
            value = patterns.entered_variant % (event_id, at, pass_.user, pass_.entry, pass_.variant)
        else:
            value = patterns.entered % (event_id, at, pass_.user, pass_.entry)
        pass_.events.append((at_ms, "steps", value))
        if step.channel is not None:
            self._message(pass_, patterns.message, CHANNELS[step.channel], at_ms + self._delay((0.2, 3)))
            pass_.variant = b""
        elif step.type == "ivr_menu":
            self._call(pass_, step, branch, at_ms)
        elif step.goal is not None and self._random() < STEP_GOAL_SHARE:
            done_ms = at_ms + self._delay((20, 1_800))
            values = (pass_.next_id(), self._stamp(done_ms), pass_.user, pass_.entry)
            pass_.events.append((done_ms, "conversions", patterns.goal % values))

    def _exit(self, pass_: "_Pass", at_ms: int, reason: bytes) -> None:
        """Leave the journey; some reach the goal later, most of them inside the conversion window."""
        values = (pass_.next_id(), self._stamp(at_ms), pass_.user, pass_.entry, reason)
        pass_.events.append((at_ms, "entries", self._bytes.exited % values))
        if self._random() < self.plan.goal.after_share:
            window_s = self.plan.conversion_window_s or 3_600
            self._reach_goal(pass_, at_ms + self._delay((30, 1.3 * window_s)))

    def _delay(self, seconds: Range) -> int:
        low, high = seconds
        return int((low + (high - low) * self._random() ** 2) * self._scale_ms)

    def _choose(self, branches: tuple[Branch, ...]) -> Branch:
        if len(branches) == 1:
            return branches[0]
        draw = self._random() * sum(branch.share for branch in branches)
        for branch in branches:
            draw -= branch.share
            if draw < 0:
                return branch
        return branches[-1]

    def _message(self, pass_: "_Pass", patterns: dict[str, bytes], channel: Channel, at_ms: int) -> None:
        chance, delay = self._random, self._delay
        platform = pass_.platform if channel.has_platform else b"none"
        message = b"m" + pass_.next_id()
        self._status(pass_, patterns["sent"], at_ms, message, platform)
        if chance() < channel.fail_share:
            self._status(pass_, patterns["failed"], at_ms + delay((1, 30)), message, platform)
            return
        if chance() < channel.machine_opened_share:
            self._status(pass_, patterns["machine_opened"], at_ms + delay((2, 60)), message, platform)
        if chance() < channel.machine_clicked_share:
            self._status(pass_, patterns["machine_clicked"], at_ms + delay((2, 60)), message, platform)
        for stage in channel.stages:
            if chance() >= stage.share:
                return
            at_ms += delay(stage.after)
            pattern = patterns[stage.status]
            if stage.status == "clicked" and channel.links:
                pattern = patterns[CLICKED.format(int(chance() ** 2 * len(channel.links)))]
            self._status(pass_, pattern, at_ms, message, platform)
            if stage.status == "opened" and chance() < OPENED_AGAIN_SHARE:
                self._status(pass_, patterns["opened"], at_ms + delay((60, 7_200)), message, platform)

    def _status(self, pass_: "_Pass", pattern: bytes, at_ms: int, message: bytes, platform: bytes) -> None:
        at = self._stamp(at_ms)
        if pass_.entry is None:
            value = pattern % (pass_.next_id(), at, pass_.user, message, platform)
        else:
            value = pattern % (pass_.next_id(), at, pass_.user, pass_.entry, message, platform)
        pass_.events.append((at_ms, "messages", value))

    def _call(self, pass_: "_Pass", step: PlanStep, branch: Branch, at_ms: int) -> None:
        """Call somebody, who answers just when the entry goes that way."""
        happens = ["started", *(self._answered(step.menus) if branch.name == "answered" else ())]
        if len(happens) == 1:
            happens.append(ENDED.format("failed"))
        patterns, call = self._bytes.steps[step.step_id].calls, b"c" + pass_.next_id()
        started_ms = 0
        for name in happens:
            at_ms += self._delay((2, 25))
            started_ms = started_ms or at_ms
            values: tuple[Any, ...] = (pass_.next_id(), self._stamp(at_ms), pass_.user, pass_.entry, call)
            if name.startswith("ended"):
                values += (at_ms - started_ms,)
            pass_.events.append((at_ms, "calls", patterns[name] % values))

    def _answered(self, menus: tuple[Menu, ...]) -> list[str]:
        """Go through the menus of a call until it ends."""
        happens: list[str] = []
        by_id = {menu.node_id: menu for menu in menus}
        menu: Menu | None = menus[0]
        while menu is not None:
            happens.append(REACHED.format(menu.node_id))
            if self._random() < HUNG_UP_SHARE:
                return [*happens, ENDED.format("dropped")]
            if self._random() < OTHER_INPUT_SHARE:
                # What is not expected is asked for once more.
                happens.append(PRESSED.format(menu.node_id, OTHER_INPUT))
                happens.append(REACHED.format(menu.node_id))
            texts = tuple(menu.inputs)
            text = texts[int(self._random() * len(texts))]
            happens.append(PRESSED.format(menu.node_id, text))
            menu = by_id.get(menu.inputs[text])
        return [*happens, ENDED.format("completed")]

    def _reach_goal(self, pass_: "_Pass", at_ms: int) -> None:
        goal = self.plan.goal
        event_id, at = pass_.next_id(), self._stamp(at_ms)
        if goal.values is None:
            value = self._bytes.goal % (event_id, at, pass_.user)
        else:
            low, high = goal.values
            cents = int((low + (high - low) * self._random() ** 3) * 100)
            amount = b"%d.%02d" % divmod(cents, 100)
            currency = goal.currencies[int(self._random() * len(goal.currencies))].encode()
            value = self._bytes.goal_value % (event_id, at, pass_.user, amount, currency)
        pass_.events.append((at_ms, "conversions", value))


class _Pass:
    """What the events of one pass share, and the events so far."""

    __slots__ = ("_issued", "entry", "events", "number", "platform", "user", "variant")

    def __init__(self, user: bytes, entry: bytes | None, number: bytes, platform: bytes) -> None:
        self.user = user
        self.entry = entry
        self.number = number
        self.platform = platform
        self.variant = b""
        self.events: list[Raw] = []
        self._issued = 0

    def next_id(self) -> bytes:
        """Give an id that nothing else has."""
        self._issued += 1
        return b"%b-%x" % (self.number, self._issued)
