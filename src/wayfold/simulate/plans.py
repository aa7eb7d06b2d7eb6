"""The journeys that are simulated: what they look like, and how people go through them.

Shares are probabilities. Times are (shortest, longest) in seconds at natural scale; short ones are more
likely than long ones.
"""

from itertools import zip_longest
from typing import Any, Final

import msgspec

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
Range = tuple[float, float]


class Stage(msgspec.Struct, frozen=True):
    """A status that a share of the messages reaches, `after` the stage before; none without that one."""

    status: str
    share: float
    after: Range


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel behaves: how many messages fail, what happens to the others, what one costs.

    People follow one of the `links`, the first more often than the others; scanners follow the first.
    """

    stages: tuple[Stage, ...]
    fail_share: float = 0.0
    machine_opened_share: float = 0.0
    machine_clicked_share: float = 0.0
    cost: str | None = None
    has_platform: bool = False
    links: tuple[str, ...] = ()


CHANNELS: Final[dict[str, Channel]] = {
    "email": Channel(
        stages=(
            Stage("delivered", 0.985, (1, 40)),
            Stage("opened", 0.42, (30, 20 * HOUR)),
            Stage("clicked", 0.24, (2, 10 * MINUTE)),
            Stage("unsubscribed", 0.03, (5, 5 * MINUTE)),
        ),
        fail_share=0.02,
        machine_opened_share=0.18,
        machine_clicked_share=0.03,
        cost="0.0004",
        links=(
            "https://shop.example/offer?from=mail",
            "https://shop.example/bestsellers",
            "https://shop.example/help",
        ),
    ),
    "push": Channel(
        stages=(Stage("clicked", 0.07, (2, 2 * HOUR)),),
        fail_share=0.05,
        has_platform=True,
        links=("shop://cart",),
    ),
    "sms": Channel(
        stages=(Stage("delivered", 0.96, (1, 90)), Stage("clicked", 0.08, (10, 3 * HOUR))),
        fail_share=0.03,
        cost="0.045",
        links=("https://shop.example/s/7f", "https://shop.example/s/stop"),
    ),
    "viber": Channel(
        stages=(
            Stage("delivered", 0.9, (1, 10 * MINUTE)),
            Stage("viewed", 0.65, (5, 6 * HOUR)),
            Stage("clicked", 0.14, (2, 20 * MINUTE)),
        ),
        fail_share=0.06,
        cost="0.019",
        links=("https://shop.example/chat", "https://shop.example/offer?from=viber"),
    ),
    "in_app": Channel(
        stages=(Stage("viewed", 0.72, (0.2, 5)), Stage("clicked", 0.2, (1, 60))),
        has_platform=True,
        links=("button", "close"),
    ),
}


class Branch(msgspec.Struct, frozen=True):
    """A way on from a step: a share of the entries takes it and arrives at `to` after a time.

    `to` "" leaves the journey, which is no way that a definition has. `name` is what the definition calls
    the way; of a split it is the variant too.
    """

    to: str
    share: float = 1.0
    after: Range = (1, 30)
    name: str = ""


class Menu(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a call: `inputs` are those that it expects, with the node that each leads to.

    "" ends the call.
    """

    node_id: str
    inputs: dict[str, str]


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step; `stay_share` of the entries never leave it, `goal` is what an action step reports."""

    step_id: str
    name: str
    type: str
    branches: tuple[Branch, ...]
    channel: str | None = None
    stay_share: float = 0.0
    goal: str | None = None
    menus: tuple[Menu, ...] = ()

    def definition(self, following: str | None) -> dict[str, Any]:
        """Give the step as a definition has it; `following` is the step behind it."""
        ways = [branch for branch in self.branches if branch.to]
        content: dict[str, Any] = {"step_id": self.step_id, "name": self.name, "type": self.type}
        if self.channel:
            content["channel"] = self.channel
        if any(way.name or way.to != following for way in ways):
            content["next"] = [{"step_id": way.to} | ({"name": way.name} if way.name else {}) for way in ways]
        if self.menus:
            content["nodes"] = [{"node_id": menu.node_id, "inputs": list(menu.inputs)} for menu in self.menus]
        return content


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """The goal of a journey: its value lies between `values`, in one of the `currencies`.

    `during_share` of the entries reach it on the way, which ends the journey for half of them, and
    `after_share` later; some of those come after the conversion window. Its events have the `properties`
    that the definition asks for and, where it `has_items`, a list of what was bought.
    """

    name: str
    during_share: float
    after_share: float
    values: Range | None = None
    currencies: tuple[str, ...] = ("EUR",)
    properties: dict[str, str] = {}
    has_items: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a journey, and its `weight` among all entries."""

    account_id: str
    journey_id: str
    journey_version: int
    name: str
    weight: float
    steps: tuple[PlanStep, ...]
    goal: Goal
    conversion_window_s: int

    def definition(self) -> dict[str, Any]:
        """Give the definition as a file of `wayfold define` would."""
        return {
            "account_id": self.account_id,
            "journey_id": self.journey_id,
            "journey_version": self.journey_version,
            "name": self.name,
            "steps": [
                step.definition(following.step_id if following else None)
                for step, following in zip_longest(self.steps, self.steps[1:])
            ],
            "goal": {"name": self.goal.name}
            | ({"properties": self.goal.properties} if self.goal.properties else {}),
            "conversion_window_ms": self.conversion_window_s * 1000,
        }


def _message(step_id: str, name: str, channel: str, *branches: Branch, stay_share: float = 0.0) -> PlanStep:
    return PlanStep(
        step_id=step_id, name=name, type="message", channel=channel, branches=branches, stay_share=stay_share
    )


def _step(
    step_id: str,
    name: str,
    kind: str,
    *branches: Branch,
    goal: str | None = None,
    menus: tuple[Menu, ...] = (),
) -> PlanStep:
    return PlanStep(step_id=step_id, name=name, type=kind, branches=branches, goal=goal, menus=menus)


_end = _step("end", "End", "end", Branch(""))
_purchase = Goal(name="purchase_completed", during_share=0.07, after_share=0.06, values=(8, 180))

PLANS: Final[tuple[Plan, ...]] = (
    Plan(
        account_id="default",
        journey_id="welcome",
        journey_version=1,
        name="Welcome",
        weight=0.08,
        steps=(
            _message("hello", "Hello", "email", Branch("pause")),
            _step("pause", "Wait a day", "wait", Branch("offer", after=(DAY, DAY + HOUR)), Branch("", 0.05)),
            _message("offer", "First offer", "email", Branch("end")),
            _end,
        ),
        goal=_purchase,
        conversion_window_s=3 * DAY,
    ),
    Plan(
        account_id="default",
        journey_id="welcome",
        journey_version=2,
        name="Welcome",
        weight=0.30,
        steps=(
            _message("hello", "Hello", "email", Branch("pause")),
            _step("pause", "Wait a day", "wait", Branch("subject-test", after=(DAY, DAY + HOUR))),
            _step(
                "subject-test",
                "Which subject",
                "split",
                Branch("offer", 0.5, name="a"),
                Branch("offer", 0.5, name="b"),
            ),
            _message("offer", "First offer", "email", Branch("has-app", after=(4 * HOUR, 8 * HOUR))),
            _step(
                "has-app",
                "Uses the app",
                "condition",
                Branch("app-hint", 0.55, name="yes"),
                Branch("text-hint", 0.45, name="no"),
            ),
            _message("app-hint", "Hint in the app", "in_app", Branch("end"), stay_share=0.1),
            _message("text-hint", "Hint by text", "sms", Branch("end")),
            _end,
        ),
        goal=_purchase,
        conversion_window_s=3 * DAY,
    ),
    Plan(
        account_id="default",
        journey_id="cart-reminder",
        journey_version=1,
        name="Forgotten cart",
        weight=0.30,
        steps=(
            _step("pause", "Wait an hour", "wait", Branch("nudge", after=(HOUR, HOUR + 5 * MINUTE))),
            _message("nudge", "Nudge", "push", Branch("still-there", after=(3 * HOUR, 5 * HOUR))),
            _step(
                "still-there",
                "Cart is still full",
                "condition",
                Branch("cart-mail", 0.7, name="yes"),
                Branch("end", 0.3, name="no"),
            ),
            _message("cart-mail", "What is in your cart", "email", Branch("end", after=(DAY, 2 * DAY))),
            _end,
        ),
        goal=Goal(
            name="purchase_completed",
            during_share=0.16,
            after_share=0.05,
            values=(15, 320),
            currencies=("EUR", "EUR", "PLN"),
            properties={"source": "cart"},
            has_items=True,
        ),
        conversion_window_s=DAY,
    ),
    Plan(
        account_id="default",
        journey_id="win-back",
        journey_version=1,
        name="Win back",
        weight=0.14,
        steps=(
            _message("miss-you", "We miss you", "email", Branch("chat", after=(DAY, 2 * DAY))),
            _message("chat", "A word on Viber", "viber", Branch("answer")),
            _step(
                "answer",
                "Wait a day for an answer",
                "wait",
                Branch("end", 0.3, (5 * MINUTE, DAY), name="answered"),
                Branch("last-word", 0.6, (DAY, DAY + MINUTE), name="timeout"),
                Branch("", 0.1),
            ),
            _message("last-word", "Last word", "sms", Branch("end", after=(HOUR, 2 * HOUR))),
            _end,
        ),
        goal=Goal(name="subscription_activated", during_share=0.03, after_share=0.05, values=(5, 25)),
        conversion_window_s=7 * DAY,
    ),
    Plan(
        account_id="acme",
        journey_id="onboarding",
        journey_version=1,
        name="Onboarding",
        weight=0.12,
        steps=(
            _message("first-steps", "First steps", "email", Branch("tour", after=(10, 2 * HOUR))),
            _message("tour", "Tour", "in_app", Branch("profile", after=(MINUTE, HOUR)), stay_share=0.15),
            _step(
                "profile",
                "Complete the profile",
                "action",
                Branch("tips", after=(HOUR, DAY)),
                goal="profile_completed",
            ),
            _message("tips", "Tips", "push", Branch("end")),
            _end,
        ),
        goal=Goal(
            name="plan_upgraded", during_share=0.02, after_share=0.08, values=(9, 99), currencies=("USD",)
        ),
        conversion_window_s=14 * DAY,
    ),
    Plan(
        account_id="acme",
        journey_id="appointment",
        journey_version=1,
        name="Appointment reminder",
        weight=0.06,
        steps=(
            _message("text", "Reminder", "sms", Branch("confirmed", after=(2 * HOUR, 4 * HOUR))),
            _step(
                "confirmed",
                "Has confirmed",
                "condition",
                Branch("end", 0.3, name="yes"),
                Branch("call", 0.7, name="no"),
            ),
            _step(
                "call",
                "Call",
                "ivr_menu",
                Branch("end", 0.75, (3 * MINUTE, 5 * MINUTE), name="answered"),
                Branch("text-again", 0.25, (3 * MINUTE, 5 * MINUTE), name="no answer"),
                menus=(
                    Menu(node_id="confirm", inputs={"1": "", "2": "day", "yes": ""}),
                    Menu(node_id="day", inputs={"1": "", "2": "", "3": ""}),
                ),
            ),
            _message("text-again", "Missed call", "sms", Branch("end", after=(HOUR, 2 * HOUR))),
            _end,
        ),
        goal=Goal(name="appointment_confirmed", during_share=0.5, after_share=0.1),
        conversion_window_s=0,
    ),
)
