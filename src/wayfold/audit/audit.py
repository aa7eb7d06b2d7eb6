"""The self-audit: what the running system says, beside what the oracle makes of the event log.

Both are taken at the same point: the partitions say which records their numbers reflect, and exactly
those are read. The system is not stopped; users who get events while their lists are asked for are left
out of a sample, because their lists belong to no single point.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from wayfold.audit.gathering import Gathered, LogRules, Room
from wayfold.audit.live import AuditImpossibleError, LiveNumbers, LiveSystem, Offsets
from wayfold.audit.log_sources import EventLog
from wayfold.audit.oracle import Acceptance, differences
from wayfold.audit.oracle.acceptance import BROADCAST
from wayfold.audit.questions import NOTHING, Answer, Scope, ask_all
from wayfold.audit.recount import Lists, Recount, open_numbers, places_of
from wayfold.state.reading.definitions import described_steps
from wayfold.state.reading.numbers import finish

VERDICTS: Final = ("accepted_total", "duplicate_total", "refused_total:")
SHOWN_USERS: Final = 5
PROGRESS_RECORDS: Final = 20_000
SENTENCE: Final = re.compile(
    r"(?s)(?P<path>.*?): (?:got (?P<live>.*), )?(?P<rest>missing, )?expected (?P<recomputed>.*)"
)


class Difference(msgspec.Struct, frozen=True):
    """A number that is not what the log says; None stands for a row or number that is not there."""

    path: str
    live: Any
    recomputed: Any


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

    def zones(self, scope: Scope) -> list[ZoneInfo]:
        """The time zones of the accounts that are audited."""
        if scope.account_id is not None:
            return [ZoneInfo(self.time_zones.get(scope.account_id, self.default_time_zone))]
        return [ZoneInfo(name) for name in sorted({self.default_time_zone, *self.time_zones.values()})]

    def recount(self, acceptances: Mapping[int, Acceptance]) -> Recount:
        """Recompute from the accepted events of all partitions."""
        return Recount(acceptances, self.time_zones, self.default_time_zone)


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
    answers = await ask_all(system.live, scope, system.zones(scope))
    stops = [answer.said.offsets for answer in answers]
    reading = _read(system, scope, stops, max_events, progress)
    found: list[Difference] = []
    compared = 0
    recount: Recount | None = None
    recounted: Offsets = {}
    for answer in answers:
        said = answer.said
        if recount is None or said.offsets != recounted:
            reading.accept(said.offsets)
            recount, recounted = system.recount(reading.acceptances), said.offsets
        document, recomputed = _both(answer, recount)
        if answer is answers[0]:
            _require_known(scope, document, recomputed)
            found += _definition_differences(said, recount)
        found += [_difference(answer.name, sentence) for sentence in differences(document, recomputed)]
        if scope.selection.is_all and not answer.only_open:
            found += _counter_differences(answer.name, said, reading.acceptances)
        compared += _count(document)
    return Verdict(
        equal=not found,
        scope=scope,
        watermark=None if recount is None else recount.watermark(scope.query),
        records=reading.records,
        events=reading.events,
        compared=compared,
        differences=found,
        notes=[] if recount is None else _notes(recount),
    )


def _furthest(stops: Sequence[Offsets]) -> Offsets:
    """The greatest of all offsets: those of a partition go back when it moves to an older state."""
    furthest: dict[int, dict[str, int]] = {}
    for offsets in stops:
        for number, row in offsets.items():
            known = furthest.setdefault(number, {})
            known.update((kind, max(offset, known.get(kind, 0))) for kind, offset in row.items())
    return furthest


def _both(answer: Answer, recount: Recount) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the system says and what the events give, laid out alike."""
    said, query = answer.said, answer.query
    document = finish([said.partials[number] for number in sorted(said.partials)], query)
    if answer.only_open:
        return open_numbers(document), recount.open_numbers(query, said.watermarks)
    return document, recount.numbers(query, said.watermarks)


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
    system: System, scope: Scope, stops: Sequence[Offsets], max_events: int, progress: Callable[[int], None]
) -> Reading:
    """Read the log up to the furthest of the stops; it can be decided below each of them."""
    ends = _furthest(stops)
    if sorted(ends) != list(range(system.log.partitions)):
        raise AuditImpossibleError(
            f"the system has partitions {sorted(ends)} and the log has {system.log.partitions}: they do not "
            "belong together; name the log of this system"
        )
    room = Room(max_events)
    gathered = {number: Gathered(number, scope.selection, system.rules, room, stops) for number in ends}
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
    reading = _read(msgspec.structs.replace(system, log=moving), scope, [after], max_events, progress)
    reading.accept(after)
    recount = system.recount(reading.acceptances)
    recomputed = recount.lists(scope.query)
    _require_known(scope, document, {"journeys": [*recomputed], "accounts": []})

    def compared(users: set[str]) -> set[str]:
        chosen = {user for user in users if scope.selection.has_user(user.encode())}
        return chosen - moving.users

    found = []
    for place, number in sorted({*said, *recomputed}, key=str):
        ours, theirs = (compared(lists.get((place, number), set())) for lists in (said, recomputed))
        if ours != theirs:
            found.append(Difference(f"{place}.{number}", _only(ours - theirs), _only(theirs - ours)))
    notes = _notes(recount)
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


def _require_known(scope: Scope, said: Mapping[str, Any], recomputed: Mapping[str, Any]) -> None:
    """Raise when neither side knows the journey or account: nothing is equal to nothing."""
    if said["journeys"] or recomputed["journeys"]:
        return
    if scope.journey_id is not None:
        of_account = "" if scope.account_id is None else f" in account {scope.account_id!r}"
        raise AuditImpossibleError(
            f"there is no journey {scope.journey_id!r}{of_account}; `wayfold show` lists those there are"
        )
    if scope.account_id is not None and not said["accounts"] and not recomputed["accounts"]:
        raise AuditImpossibleError(
            f"there are no events of account {scope.account_id!r}; `wayfold show` lists all accounts"
        )


def _definition_differences(said: LiveNumbers, recount: Recount) -> list[Difference]:
    """Find definitions by which a partition judges that are not those which its log holds."""
    found = []
    for number, partial in sorted(said.partials.items()):
        held = {
            (account, journey, str(version)): {
                "name": definition.name,
                "steps": [
                    [*step, definition.leads_to(place), definition.nodes(place)]
                    for place, step in enumerate(definition.steps)
                ],
                "goal": json.dumps(definition.goal, sort_keys=True),
                "conversion_window_ms": definition.window_ms,
            }
            for (account, journey, version), definition in recount.defined[number].items()
        }
        for row in partial["journeys"]:
            place = (row["account_id"], row["journey_id"])
            judging = {version: _shown_of(shown) for version, shown in row["definitions"].items()}
            wanted = {version: shown for (*where, version), shown in held.items() if (*where,) == place}
            for version in sorted({*judging, *wanted}):
                if judging.get(version) != wanted.get(version):
                    path = f"partitions[{number}].definitions[{'/'.join((*place, version))}]"
                    found.append(Difference(path, judging.get(version), wanted.get(version)))
    return found


def _shown_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a definition in a partition's share says that is shown with the numbers."""
    names = ("step_id", "name", "type", "channel", "next", "nodes")
    return {
        "name": definition["name"],
        "steps": [[step[name] for name in names] for step in described_steps(definition).values()],
        "goal": json.dumps(definition["goal"], sort_keys=True),
        "conversion_window_ms": definition["conversion_window_ms"],
    }


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


def _notes(recount: Recount) -> list[str]:
    """Say what is wrong with the definitions in the log, by which numbers are nevertheless right."""
    notes = []
    everywhere = sorted(set().union(*recount.defined.values()))
    for version in everywhere:
        lacking = [number for number, held in recount.defined.items() if version not in held]
        account, journey, number = version
        if lacking:
            notes.append(
                f"partitions {', '.join(map(str, lacking))} lack the definition of version {number} of "
                f"{journey!r} (account {account!r}) and judge without it: publish it again"
            )
    notes += [
        f"version {number} of {journey!r} (account {account!r}) was defined with {others + 1} contents: the "
        "earliest holds; define what is new as another version"
        for (account, journey, number), others in sorted(recount.conflicts.items())
    ]
    return notes


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
