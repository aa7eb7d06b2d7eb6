"""Rows in the shapes in which other platforms export them, through a mapping, to the numbers."""

import json
from collections.abc import Sequence
from typing import Any

from tests.cases.telling import Story
from tests.generators.world import TOPICS
from wayfold.agents.files.making import EventMaker, MadeEvent
from wayfold.agents.files.mapping import parse_mapping
from wayfold.agents.files.readers import Line

BEGIN_S = 1_780_300_800  # 2026-06-01T08:00:00Z


def mapped(story: Story, mapping: str, rows: Sequence[dict[str, Any]]) -> Story:
    """The story with the events that the rows stand for."""
    maker = EventMaker(parse_mapping(mapping.encode()))
    for made in maker.events_of([Line(number, row) for number, row in enumerate(rows, 1)]):
        assert isinstance(made, MadeEvent), made
        event = json.loads(made.record.value or b"")
        story.events.append((TOPICS[event["type"]], {"account_id": story.account, **event}))
    return story


# A person has the id of the customer, or else only the platform's own: each plan stands for one of both.
EXPORT_PLAN = """
  - {{type: journey.entered, user_id: "{{{who}}}", entry_id: "{{about.pass}}", event_id: "{{nr}}-in",
     journey_id: trip, journey_version: 1,
     when: [{known}, {{column: kind, equals: walk}}, {{column: about.first, equals: true}}]}}
  - {{type: step.entered, user_id: "{{{who}}}", entry_id: "{{about.pass}}", event_id: "{{nr}}",
     journey_id: trip, journey_version: 1, step_id: "{{about.place}}", variant: "{{about.arm}}",
     when: [{known}, {{column: kind, equals: walk}}, {{column: about.why, present: false}}]}}
  - {{type: journey.exited, user_id: "{{{who}}}", entry_id: "{{about.pass}}", event_id: "{{nr}}-out",
     journey_id: trip, journey_version: 1,
     reason: {{from: "{{about.why}}", map: {{done: completed}}, default: removed}},
     when: [{known}, {{column: kind, equals: walk}}, {{column: about.why, present: true}}]}}
  - {{type: goal.reached, user_id: "{{{who}}}", event_id: "{{nr}}", name: bought,
     value: "{{about.price}}", currency: "{{about.money}}",
     when: [{known}, {{column: kind, equals: order}}]}}
"""
EXPORT_MESSAGE = """
  - {{type: message.{status}, user_id: "{{{who}}}", entry_id: "-", event_id: "{{nr}}",
     journey_id: trip, journey_version: 1, step_id: "{{about.place}}", channel: email,
     message_id: "{{about.batch}}-{{who.inner}}"{more},
     when: [{known}, {{column: kind, equals: mail.{word}}}]}}
"""
MESSAGES = (
    ("sent", "out", ""),
    ("delivered", "in", ""),
    ("opened", "seen", ', machine: "{about.bot}"'),
    ("clicked", "followed", ', link: "{about.to}"'),
    ("failed", "back", ', reason: "{about.said}"'),
)


def _export_mapping() -> str:
    """The mapping of an export whose messages name no entry and share the id of their batch."""
    plans = ""
    for who, present in (("who.own", "true"), ("who.inner", "false")):
        known = f"{{column: who.own, present: {present}}}"
        plans += EXPORT_PLAN.format(who=who, known=known)
        for status, word, more in MESSAGES:
            plans += EXPORT_MESSAGE.format(who=who, known=known, status=status, word=word, more=more)
    return f'time_format: epoch_s\nfields: {{occurred_at: "{{at}}"}}\nevents:{plans}'


def _row(number: int, kind: str, after_s: int, inner: str, own: str | None, **about: Any) -> dict[str, Any]:
    who = {"inner": inner} if own is None else {"inner": inner, "own": own}
    return {"nr": f"r{number}", "kind": kind, "at": BEGIN_S + after_s, "who": who, "about": about}


def _export_rows() -> list[dict[str, Any]]:
    """ann goes twice and buys after her first exit, i2 has no id of the customer, bob's mail came back."""
    told: list[tuple[str, int, str, str | None, dict[str, Any]]] = [
        ("walk", 0, "i1", "ann", {"pass": "p1", "first": True, "arm": "left"}),
        ("mail.out", 5, "i1", "ann", {}),
        ("mail.in", 6, "i1", "ann", {}),
        ("mail.seen", 7, "i1", "ann", {"bot": "true"}),
        ("mail.seen", 90, "i1", "ann", {}),
        ("mail.seen", 95, "i1", "ann", {"bot": "false"}),
        ("mail.followed", 99, "i1", "ann", {"to": "https://example.org/"}),
        ("walk", 600, "i1", "ann", {"pass": "p1", "first": False, "why": "done"}),
        ("order", 4_200, "i1", "ann", {"price": 41.07, "money": "CHF"}),
        ("walk", 4_201, "i1", "ann", {"pass": "p2", "first": True, "arm": "right"}),
        ("walk", 0, "i2", None, {"pass": "p3", "first": True, "arm": "left"}),
        ("mail.out", 5, "i2", None, {}),
        ("mail.in", 6, "i2", None, {}),
        ("walk", 0, "i3", "bob", {"pass": "p4", "first": True, "arm": "right"}),
        ("mail.out", 5, "i3", "bob", {}),
        ("mail.delayed", 6, "i3", "bob", {}),
        ("mail.back", 7, "i3", "bob", {"said": "no such box"}),
    ]
    common = {"place": "letter", "batch": "b77"}
    return [
        _row(number, kind, after_s, inner, own, **(about if kind == "order" else {**common, **about}))
        for number, (kind, after_s, inner, own, about) in enumerate(told)
    ]


async def test_an_export_of_another_platform() -> None:
    """Passes, one batch id for all, a proxy's open as a text, and an order at the window's last second."""
    story = mapped(Story().define(window_ms=3_600_000), _export_mapping(), _export_rows())
    numbers = await story.journey()
    assert (numbers["total_entries"], numbers["entered_users"], numbers["exited_entries"]) == (4, 3, 1)
    # p1 ended after 600 s, so that 4,200 s is the last second of its hour; p2 began a second later.
    assert (numbers["converted_entries"], numbers["conversion_values"]) == (1, {"CHF": "41.07"})
    assert (numbers["total_exits"], numbers["active_users"]) == (0, 1)
    letter = (await story.steps())["letter"]
    assert (letter["entered"], letter["current"], letter["dropped"]) == (4, 3, 0)
    counts = {status: letter[status]["messages"] for status, _, _ in MESSAGES}
    assert counts == {"sent": 3, "delivered": 2, "opened": 1, "clicked": 1, "failed": 1}
    assert (letter["opened"]["events"], letter["machine_opened"]["events"]) == (2, 1)
    assert (letter["click_rate"], letter["fail_rate"]) == (1 / 2, 1 / 3)
    arms = [(await story.steps(variant=arm))["letter"]["entered"] for arm in ("left", "right")]
    assert arms == [2, 2]


HOOK_PLAN = """
  - {{type: message.{status},
     when: [{{column: what, one_of: [{words}]}}, {{column: in.plan, present: true}}],
     journey_id: "{{in.plan}}", journey_version: 1, entry_id: "-", step_id: "{{in.part}}"{more}}}
  - {{type: message.{status},
     when: [{{column: what, one_of: [{words}]}}, {{column: in.plan, present: false}}]{more}}}
"""
HOOKS = (
    ("sent", "sent", ""),
    ("delivered", "delivered", ""),
    ("opened", "opened", ""),
    ("clicked", "clicked", ""),
    ("failed", "bounced, dropped", ', reason: "{in.error}"'),
)


def _hook_mapping() -> str:
    """The mapping of status hooks, some of a plan's part and some of a letter to everybody."""
    plans = "".join(HOOK_PLAN.format(status=status, words=words, more=more) for status, words, more in HOOKS)
    ids = 'event_id: "{nr}", user_id: "{in.person}", message_id: "{in.item}"'
    fields = f'occurred_at: "{{at}}", {ids}, channel: "{{by}}"'
    goal = "\n  - {type: goal.reached, when: [{column: what, equals: converted}], name: bought}\n"
    return f"time_format: epoch_s\nfields: {{{fields}}}\nevents:{plans}{goal}"


async def test_status_hooks_of_another_platform() -> None:
    """Numbers as ids, two channels at one step, a letter outside journeys, and no entry to convert."""
    plan: dict[str, Any] = {"plan": 512, "part": 4}
    told: list[tuple[str, str, int, dict[str, Any]]] = [
        ("sent", "email", 0, {"person": 1, "item": "e1", **plan}),
        ("delivered", "email", 1, {"person": 1, "item": "e1", **plan}),
        ("opened", "email", 30, {"person": 1, "item": "e1", **plan}),
        ("opened", "email", 40, {"person": 1, "item": "e1", **plan}),
        ("opened", "email", 50, {"person": 1, "item": "e1", **plan}),
        ("clicked", "email", 55, {"person": 1, "item": "e1", **plan}),
        ("converted", "email", 300, {"person": 1, "item": "e1", **plan}),
        ("sent", "email", 0, {"person": 2, "item": "e2", **plan}),
        ("bounced", "email", 9, {"person": 2, "item": "e2", "error": "full", **plan}),
        ("sent", "in_app", 0, {"person": 2, "item": "a1", **plan}),
        ("sent", "in_app", 0, {"person": 3, "item": "a2", **plan}),
        ("opened", "in_app", 20, {"person": 3, "item": "a2", **plan}),
        ("drafted", "email", 0, {"person": 3, "item": "e3", **plan}),
        ("sent", "email", 0, {"person": 3, "item": "n1"}),
        ("opened", "email", 70, {"person": 3, "item": "n1"}),
    ]
    rows = [
        {"nr": str(number), "what": what, "by": by, "at": BEGIN_S + after_s, "in": inner}
        for number, (what, by, after_s, inner) in enumerate(told)
    ]
    story = mapped(Story(), _hook_mapping(), rows)
    numbers = await story.journey()
    assert (numbers["total_entries"], numbers["converted_entries"], numbers["active_users"]) == (0, 0, 0)
    part = (await story.steps())["4"]
    assert [part[status]["messages"] for status, _, _ in HOOKS] == [4, 1, 2, 1, 1]
    assert part["opened"]["events"] == 4
    # One click over one delivered email and two in-app messages that were sent.
    assert (part["click_rate"], part["fail_rate"]) == (1 / 3, 1 / 4)
    rows_of_account = (await story.document())["accounts"][0]["channels"]
    [email] = [row for row in rows_of_account if row["channel"] == "email"]
    assert (email["sent"]["messages"], email["opened"]["messages"]) == (3, 2)
