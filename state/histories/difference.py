"""How histories change the numbers: their facts before are compared with their facts after.

There is no other way by which a number of entries changes. All events of a history in a batch are
merged together, so that what one of them puts in and the next takes back costs nothing. A definition
that comes late compares the same facts under its old and new rules.
"""

from wayfold.state.cells.changes import Changes
from wayfold.state.histories.facts import EntryFacts, MessageFacts


def compare_entries(changes: Changes, person: int, before: EntryFacts, after: EntryFacts) -> None:
    """Hand the difference of a history's entry facts to the pending changes."""
    if before.facts != after.facts:
        changes.count_of_person(person, before.facts, after.facts)
    if before.dwells != after.dwells:
        changes.dwell(before.dwells, after.dwells)
    if before.money != after.money:
        changes.money(before.money, after.money)
    if before.closings != after.closings:
        changes.closings.update(dict.fromkeys(before.closings))
        changes.closings.update(after.closings)


def compare_messages(changes: Changes, person: int, before: MessageFacts, after: MessageFacts) -> None:
    """Hand the difference of a history's messages at a place, whose variant moved, to the changes."""
    if before.events != after.events:
        changes.count(before.events, after.events)
        changes.count(before.messages, after.messages, slot=1)
        changes.money(before.cost, after.cost)
        changes.move(person, set(before.events), set(after.events))
        changes.move(person, set(before.active), set(after.active))
