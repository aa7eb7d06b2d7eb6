"""Names keep their numbers: a catalog that was stored goes on as if it had never been away."""

import random
from typing import Any

import pytest

from tests.generators.seeded import replay_hint, seeds
from wayfold.models.zone import Zone
from wayfold.state.names.catalog import Catalog
from wayfold.state.store.memory_store import MemoryStore

ACCOUNTS, JOURNEYS, STEPS = ("default", "acme", "é"), ("", "welcome", "win:back", "a\uffff"), ("mail", "wait")
SERIES = (("total_entries", 1), ("exited_entries@event", 2), ("month", "2026-11", "welcome"), ("cost", 0, ""))
NAMES = 400  # enough that numbers of series need a second byte


def name_something(catalog: Catalog, pick: random.Random) -> None:
    """Ask for the number of an account, a journey, a series or a kind, known or new."""
    scope = catalog.scope(pick.choice(ACCOUNTS), pick.choice(JOURNEYS))
    way, version, step = pick.randrange(5), pick.randint(1, 3), pick.choice(STEPS)
    if way == 0:
        catalog.account(pick.choice(ACCOUNTS))
    elif way == 1:
        _ = catalog.counters[scope.series_id(pick.choice(SERIES))]
    elif way == 2:
        scope.plans.version(version)
    elif way == 3:
        scope.plans.arrival(version, step, pick.choice(("", "a", "b")))
    else:
        channel, platform = pick.choice(("email", "push")), pick.choice(("none", "ios"))
        kind = scope.plans.message((pick.randrange(10), version, step, channel, platform))
        kind.bases(scope.plans.base, pick.choice(("", "a")))


def told(catalog: Catalog) -> dict[str, Any]:
    """Every name with its number, in the order of the catalog."""
    scopes = catalog.numbered
    return {
        "accounts": [(name, account.number) for name, account in catalog.accounts.items()],
        "scopes": [(name, scope.number) for name, scope in catalog.scopes.items()],
        "scopes by number": [(scope.number, scope.account_id, scope.journey_id) for scope in scopes],
        "series": [list(scope.series.items()) for scope in scopes],
        "series by number": [(scope.number, name) for scope, name in catalog.series],
        "marks": list(catalog.marks),
        "arrivals": [
            [(words, kind.number) for words, kind in scope.plans.arrivals.items()] for scope in scopes
        ],
        "messages": [
            [(words, kind.number) for words, kind in scope.plans.messages.items()] for scope in scopes
        ],
    }


def loaded(store: MemoryStore) -> Catalog:
    catalog = Catalog(lambda _: Zone("UTC"))
    catalog.load(store.scan)
    return catalog


@pytest.mark.parametrize("seed", seeds(5))
def test_a_catalog_from_its_rows_has_the_same_numbers(seed: int) -> None:
    """Stored and loaded now and then, a catalog numbers all names as one does that lives on."""
    lasting, store = loaded(MemoryStore()), MemoryStore()
    stored = loaded(store)
    names, pauses = random.Random(seed), random.Random(seed)
    for number in range(NAMES):
        state = names.getstate()
        name_something(lasting, names)
        names.setstate(state)
        name_something(stored, names)
        if pauses.random() < 0.1 or number == NAMES - 1:
            store.write(stored.rows.items())
            stored = loaded(store)
            assert told(stored) == told(lasting), replay_hint(seed)
            assert not stored.rows, "what was loaded is not written again"
    assert len(stored.series) > 256


def test_every_series_of_a_journey_has_a_mark_of_its_own() -> None:
    """However many series a journey has, each is one character that no other has and text can hold."""
    scope = loaded(MemoryStore()).scope("default", "welcome")
    count = 0xE000 + 10  # beyond the surrogates
    marks = [scope.mark(scope.series_id(("entered", number))) for number in range(count)]
    assert len(set(marks)) == len("".join(marks)) == count
    assert "".join(marks).encode().decode() == "".join(marks)
