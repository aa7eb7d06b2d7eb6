"""The self-audit: what the running system says, beside what the oracle makes of the event log.

Both are taken at the same point: the partitions say which records their numbers reflect, and exactly
those are read. The system is not stopped; users who get events while their lists are asked for are left
out of a sample, because their lists belong to no single point.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random
from typing import Any, Final

import msgspec

from wayfold.agents.audit.gathering import Gathered, LogRules, Room, Selection
from wayfold.agents.audit.live import AuditImpossibleError, LiveNumbers, LiveSystem, Offsets
from wayfold.agents.audit.log_sources import EventLog
from wayfold.agents.audit.oracle import Acceptance, differences
from wayfold.agents.audit.oracle_accept import BROADCAST
from wayfold.agents.audit.recount import Lists, Recount, places_of
from wayfold.state.numbers import finish
from wayfold.state.query import Query

ALL_TIME: Final = ""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
VERDICTS: Final = ("accepted_total", "duplicate_total", "refused_total:")
SHOWN_USERS: Final = 5
PROGRESS_RECORDS: Final = 20_000
NOTHING: Final = Query(account_id="", journey_id="-")
"""Asks how far the partitions are and for no numbers: no account has this id."""

SENTENCE: Final = re.compile(
    r"(?s)(?P<path>.*?): (?:got (?P<live>.*), )?(?P<rest>missing, )?expected (?P<recomputed>.*)"
)


class Difference(msgspec.Struct, frozen=True):
    """A number that is not what the log says; None stands for a row or number that is not there."""

    path: str
    live: Any
    recomputed: Any


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is audited: everything, an account, a journey, or only a share of the users (0 to 1)."""

    account_id: str | None = None
    journey_id: str | None = None
    users_share: float | None = None
    seed: int = 0

    @property
    def query(self) -> Query:
        """The question put to the partitions."""
        return Query(account_id=self.account_id, journey_id=self.journey_id)

    @property
    def selection(self) -> Selection:
        """What is needed of the log."""
        return Selection(journey_id=self.journey_id, users_share=self.users_share, seed=self.seed)


class Verdict(msgspec.Struct, kw_only=True):
    """What an audit found: `equal` is the answer, `notes` say what one must know to trust it.

    `records` were read, `events` of them accepted and needed, `compared` numbers or lists were looked at.
    """

    equal: bool
    scope: Scope
    watermark: str | None
    records: int
    events: int
    compared: int
    differences: list[Difference]
    notes: list[str]


class System(msgspec.Struct, frozen=True):
    """A system to audit: its partitions, its log, and what it was told about time and places."""

    live: LiveSystem
    log: EventLog
    rules: LogRules
    time_zones: Mapping[str, str]
    default_time_zone: str

    def recount(self, acceptances: Mapping[int, Acceptance]) -> Recount:
        """Recompute from the accepted events of all partitions."""
        events = chain.from_iterable(acceptances[number].accepted for number in sorted(acceptances))
        return Recount(events, self.time_zones, self.default_time_zone)


def _no_progress(_: int) -> None:
    """Tell nobody."""


async def audit(
    system: System,
    scope: Scope,
    *,
    max_events: int,
    progress: Callable[[int], None] = _no_progress,
) -> Verdict:
    """Compare what the system says with its log.

    At most `max_events` are held in memory; `progress` hears how many records were read.
    Raises `AuditImpossibleError` when that cannot be done, and what asking the system raises.
    """
    if scope.users_share is not None:
        return await _audit_users(system, scope, max_events, progress)
    plain = await system.live.numbers(scope.query)
    answers = [(ALL_TIME, scope.query, plain)]
    for name, query in ranges(scope, plain.watermark_ms):
        answers.append((name, query, await system.live.numbers(query)))
    # Offsets only grow, so those of the last answer are the greatest.
    reading = _read(system, scope, answers[-1][2].offsets, max_events, progress)
    found = _definition_differences(plain)
    compared = 0
    recount: Recount | None = None
    recounted: Offsets = {}
    for name, query, said in answers:
        if recount is None or said.offsets != recounted:
            reading.accept(said.offsets)
            recount, recounted = system.recount(reading.acceptances), said.offsets
        document = finish([said.partials[number] for number in sorted(said.partials)], query)
        recomputed = recount.numbers(query, max(0, said.watermark_ms))
        _require_journey(scope, document, recomputed)
        found += [_difference(name, sentence) for sentence in differences(document, recomputed)]
        if scope.selection.is_all:
            found += _counter_differences(name, said, reading.acceptances)
        compared += _count(document)
    return Verdict(
        equal=not found,
        scope=scope,
        watermark=recomputed["watermark"],
        records=reading.records,
        events=reading.events,
        compared=compared,
        differences=found,
        notes=_notes(found, reading),
    )


def ranges(scope: Scope, watermark_ms: int) -> list[tuple[str, Query]]:
    """The ranges that are compared beside all time, each with its name.

    One holds every day, by both clocks: it is answered from what is kept for each day. One, chosen by the
    seed, begins and ends in the middle of a day: it needs what is kept for each hour too.
    """
    chance = Random(scope.seed)  # noqa: S311 - nobody gains by guessing it
    today = EPOCH + timedelta(milliseconds=max(0, watermark_ms))
    tomorrow = f"{today + timedelta(days=2):%Y-%m-%d}"
    last = today - timedelta(days=chance.randrange(max(1, min(30, (today - EPOCH).days - 8))))
    first = last - timedelta(days=chance.randrange(8)) if last > EPOCH + timedelta(days=8) else EPOCH
    start, end = sorted(
        f"{day:%Y-%m-%d}T{hour:02d}:00"
        for day, hour in ((first, chance.randrange(24)), (last, chance.randrange(24)))
    )
    days = msgspec.structs.replace(scope.query, start=f"{EPOCH:%Y-%m-%d}", end=tomorrow)
    hours = msgspec.structs.replace(scope.query, start=start, end=end)
    return [
        ("by day: ", days),
        ("by day, entry clock: ", msgspec.structs.replace(days, clock="entry")),
        (f"{start} to {end}: ", hours),
        (f"{start} to {end}, entry clock: ", msgspec.structs.replace(hours, clock="entry")),
    ]


class Reading(msgspec.Struct):
    """What was read: how many records, those that are needed, and what the oracle's rules make of them."""

    records: int
    gathered: dict[int, Gathered]
    acceptances: dict[int, Acceptance] = {}

    def accept(self, ends: Offsets) -> None:
        """Decide the records below these offsets."""
        self.acceptances = {number: part.acceptance(ends[number]) for number, part in self.gathered.items()}

    @property
    def events(self) -> int:
        """How many events were accepted."""
        return sum(len(acceptance.accepted) for acceptance in self.acceptances.values())


def _read(
    system: System, scope: Scope, ends: Offsets, max_events: int, progress: Callable[[int], None]
) -> Reading:
    if sorted(ends) != list(range(system.log.partitions)):
        raise AuditImpossibleError(
            f"the system has partitions {sorted(ends)} and the log has {system.log.partitions}: they do not "
            "belong together; name the log of this system"
        )
    room = Room(max_events)
    gathered = {number: Gathered(number, scope.selection, system.rules, room) for number in ends}
    records = 0
    for number, kind, record in system.log.read(ends):
        gathered[number].add(kind, record)
        records += 1
        if records % PROGRESS_RECORDS == 0:
            progress(records)
    progress(records)
    return Reading(records, gathered)


async def _audit_users(
    system: System, scope: Scope, max_events: int, progress: Callable[[int], None]
) -> Verdict:
    before = await system.live.numbers(scope.query)
    document = finish([before.partials[number] for number in sorted(before.partials)], scope.query)
    said: Lists = {}
    for place, numbers in places_of(document):
        for number in numbers:
            said[place, number] = await system.live.users(place.query, number)
    after = (await system.live.numbers(NOTHING)).offsets
    if any(
        after[number].get(kind) != row.get(kind)
        for number, row in before.offsets.items()
        for kind in BROADCAST
    ):
        raise AuditImpossibleError("a journey was defined while the lists were asked for; audit again")
    moving = _Moving(before.offsets, system.log)
    reading = _read(msgspec.structs.replace(system, log=moving), scope, after, max_events, progress)
    reading.accept(after)
    recomputed = system.recount(reading.acceptances).lists(scope.query)
    _require_journey(scope, document, {"journeys": [*recomputed]})

    def compared(users: set[str]) -> set[str]:
        chosen = {user for user in users if scope.selection.has_user(user.encode())}
        return chosen - moving.users

    found = []
    for place, number in sorted({*said, *recomputed}, key=str):
        ours, theirs = (compared(lists.get((place, number), set())) for lists in (said, recomputed))
        if ours != theirs:
            found.append(Difference(f"{place}.{number}", _only(ours - theirs), _only(theirs - ours)))
    notes = _notes(found, reading)
    if moving.users:
        notes.append(f"{len(moving.users):,} users had events in the meantime and were left out")
    return Verdict(
        equal=not found,
        scope=scope,
        watermark=document["watermark"],
        records=reading.records,
        events=reading.events,
        compared=len(said),
        differences=found,
        notes=notes,
    )


class _Moving:
    """A log that notes the users who have records from some offsets on."""

    def __init__(self, start: Offsets, log: EventLog) -> None:
        self.users: set[str] = set()
        self.partitions = log.partitions
        self._start = start
        self._log = log

    def read(self, ends: Offsets) -> Any:
        """Give every record; see `EventLog.read`."""
        for number, kind, record in self._log.read(ends):
            if record.key is not None and record.offset >= self._start[number].get(kind, 0):
                self.users.add(record.key.decode("utf-8", "replace"))
            yield number, kind, record


def _only(users: set[str]) -> str | None:
    """Say who is only on one side."""
    if not users:
        return None
    shown = ", ".join(sorted(users)[:SHOWN_USERS])
    more = f" and {len(users) - SHOWN_USERS:,} more" if len(users) > SHOWN_USERS else ""
    return f"also {shown}{more}"


def _require_journey(scope: Scope, said: Mapping[str, Any], recomputed: Mapping[str, Any]) -> None:
    if scope.journey_id is not None and not said["journeys"] and not recomputed["journeys"]:
        raise AuditImpossibleError(
            f"there is no journey {scope.journey_id!r}; `wayfold show` lists those there are"
        )


def _definition_differences(said: LiveNumbers) -> list[Difference]:
    """Find definitions that a partition has otherwise than the others; the document shows one of them."""
    found = []
    known: dict[tuple[str, str, str], Any] = {}
    for number, partial in sorted(said.partials.items()):
        for journey in partial["journeys"]:
            for version, definition in journey["definitions"].items():
                place = (journey["account_id"], journey["journey_id"], version)
                first = known.setdefault(place, definition)
                if definition != first:
                    path = f"partitions[{number}].definitions[{'/'.join(place)}]"
                    found.append(Difference(path, definition, first))
    return found


def _counter_differences(
    name: str, said: LiveNumbers, acceptances: Mapping[int, Acceptance]
) -> list[Difference]:
    found = []
    for number, partial in sorted(said.partials.items()):
        acceptance = acceptances[number]
        wanted = Counter(
            {
                "accepted_total": len(acceptance.accepted),
                "duplicate_total": acceptance.duplicates,
                **{f"refused_total:{reason}": count for reason, count in acceptance.refused.items()},
            }
        )
        counted = Counter(partial["counters"])
        found += [
            Difference(f"{name}partitions[{number}].counters.{counter}", counted[counter], wanted[counter])
            for counter in sorted({*counted, *wanted})
            if counted[counter] != wanted[counter] and counter.startswith(VERDICTS)
        ]
    return found


def _notes(found: Sequence[Difference], reading: Reading) -> list[str]:
    """Say what may explain differences without a number being wrong."""
    late = sum(acceptance.refused["late"] for acceptance in reading.acceptances.values())
    if not found or not late:
        return []
    note = (
        f"{late:,} events were late in the order of the log. Which ones are late depends on the order "
        "in which the topics were folded, and no log says it: differences may come from there"
    )
    return [note]


def _count(document: object) -> int:
    """How many values a numbers document has, names and identities among them."""
    if isinstance(document, Mapping):
        return sum(map(_count, document.values()))
    if isinstance(document, list):
        return sum(map(_count, document))
    return 1


def _difference(name: str, sentence: str) -> Difference:
    """Take a sentence of `oracle.differences` about a named answer apart."""
    found = SENTENCE.fullmatch(sentence)
    if found is None:
        return Difference(name + sentence, None, None)
    return Difference(name + found["path"], _value(found["live"]), _value(found["recomputed"]))


def _value(text: str | None) -> Any:
    if text is None or text == "nothing":
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
