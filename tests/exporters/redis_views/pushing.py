"""Partitions that change at random and push through the script, without the client around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

from wayfold.exporters.redis_views.calls import Push, PushBuilder, PushedValues, Said, Stand, Writer
from wayfold.exporters.redis_views.changes import as_in_redis
from wayfold.exporters.redis_views.fields import Kind, kind_of
from wayfold.exporters.redis_views.keys import DWELL, JourneyName, Keys
from wayfold.exporters.redis_views.ledger import STAGED
from wayfold.exporters.redis_views.link import text
from wayfold.exporters.redis_views.scripts import DROP, Script
from wayfold.models.money import decimal_text

NAME = JourneyName("acme", "wel{come}/1")
Views = dict[str, dict[str, int]]


def run(redis: Redis, script: Script, keys: list[str], arguments: list[Any]) -> Any:
    """Run a script, known to Redis or not."""
    try:
        return redis.evalsha(script.sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return redis.eval(script.text, len(keys), *keys, *arguments)


def push(redis: Redis, sent: Push) -> str:
    """Make the calls of a push; gives the verdict on its first partition."""
    answers = [run(redis, call.script, list(call.keys), list(call.arguments)) for call in sent.calls]
    verdicts = [text(answer[0]) for answer in answers]
    return next((verdict for verdict in verdicts if verdict != STAGED), STAGED)


@dataclass
class Pusher:
    """One worker's hold on one partition of one journey."""

    redis: Redis
    number: int
    token: str
    views: Views = field(default_factory=dict)
    sequence: int = 0
    remembers: int = 10_000
    name: JourneyName = NAME
    source: str = "log"
    epoch: int = 1
    offsets: dict[str, int] | None = None

    def __post_init__(self) -> None:
        self.keys = Keys("test").journey(self.name)
        self.writer = Writer(self.number, self.source, self.token)
        self.values = PushedValues(self.remembers)
        self.builder = PushBuilder(self.values)
        self.fence = ""
        self.needs_whole = True
        self.sent: list[Push] = []

    @property
    def stand(self) -> Stand:
        """Where the partition is."""
        offsets = {"entries": self.sequence} if self.offsets is None else self.offsets
        return Stand(self.epoch, offsets, self.time)

    @property
    def time(self) -> str:
        """A watermark that grows with the sequence."""
        return f"2026-11-01T00:00:{self.sequence // 1000 % 60:02d}.{self.sequence % 1000:03d}Z"

    def push_changes(self, changed: set[str], *, told: bool = True) -> str:
        """Push some views; when not `told`, the answers are lost on the way back."""
        views = as_in_redis({view: self.views[view] for view in changed if view in self.views})
        said = Said(self.writer, self.stand, self.time, self.fence, views)
        sent = self.builder.changed(self.keys, self.name, [said])
        if sent is None:
            return "ok"
        self.sent.append(sent)
        answer = push(self.redis, sent)
        if told and answer == "ok":
            self._accept(sent)
        return answer

    def whole(self) -> Push:
        """What pushes everything, as after a verification that failed."""
        held = [text(view) for view in self.redis.hkeys(self.keys.state(self.number))]
        said = Said(self.writer, self.stand, self.time, "", as_in_redis(self.views))
        return self.builder.whole(self.keys, self.name, said, held)

    def push_whole(self) -> str:
        """Push everything, and again in the place of what is lost or another log's."""
        sent = self.whole()
        self.sent.append(sent)
        answer = push(self.redis, sent)
        if answer == "ok":
            self._accept(sent)
        if answer in {"foreign", "damaged"}:
            drop(self.redis, self.name)
            return self.push_whole()
        self.needs_whole = answer != "ok"
        return answer

    def push_and_mend(self, changed: set[str], *, told: bool = True) -> str:
        """Push as a worker does: changes where it may, everything where it must."""
        if not self.needs_whole and self.push_changes(changed, told=told) == "ok" and self.verified():
            return "ok"
        return self.push_whole()

    def verified(self) -> bool:
        """Whether Redis has what this worker pushed last."""
        found = self.redis.hget(self.keys.fences, str(self.number))
        return text(found or b"") == self.fence

    def _accept(self, sent: Push) -> None:
        self.fence = sent.parts[0].fence
        self.values.accept(self.name, sent.parts[0])


def drop(redis: Redis, name: JourneyName) -> int:
    """Take everything about a journey away, as a worker does that finds it damaged."""
    keys = Keys("test").journey(name)
    views = [keys.view(text(view)) for view in redis.hkeys(keys.holders)]
    partitions = [text(field) for field in redis.hkeys(keys.fences)]
    states = [keys.state(partition) for partition in partitions if partition.isdigit()]
    named = [keys.fences, keys.holders, keys.latest, keys.staging, *views, *states]
    return int(run(redis, DROP, named, [keys.base]))


def totals(redis: Redis, name: JourneyName = NAME, prefix: str = "test") -> dict[str, dict[str, str]]:
    """What Redis shows: the fields of each view, histograms included."""
    keys = Keys(prefix).journey(name)
    found = {}
    for view in redis.hkeys(keys.holders):
        fields = redis.hgetall(keys.view(text(view)))
        found[text(view)] = {text(key): text(value) for key, value in fields.items()}
    return found


def expected_sums(partitions: list[Views]) -> dict[str, dict[str, str]]:
    """Σ over partitions of every field that adds, and the greatest of those that do not; zeros left out."""
    sums: dict[str, dict[str, int]] = {}
    for views in partitions:
        for view, fields in as_in_redis(views).items():
            into = sums.setdefault(view, {})
            for key, value in fields.items():
                if kind_of[key] is Kind.LATEST:
                    into[key] = max(into.get(key, 0), value)
                else:
                    into[key] = into.get(key, 0) + value
    shown: dict[str, dict[str, str]] = {}
    for view, into in sums.items():
        if into.get("open_active_entries", 0) > 0:
            into.pop("open_entries_closes_at_ms", None)
        shown[view] = {
            key: decimal_text(value) if kind_of[key] is Kind.MONEY else str(value)
            for key, value in into.items()
            if value
        }
    return shown


def shown_sums(redis: Redis, name: JourneyName = NAME, prefix: str = "test") -> dict[str, dict[str, str]]:
    """The part of `totals` that `expected_sums` speaks of; zeros left out."""
    left_out = ("watermark", "as_of", "conversion_rate", "click_rate", "fail_rate", "dwell_")
    return {
        view: {
            key: value
            for key, value in fields.items()
            if value not in {"", "0"} and (view.endswith(DWELL) or not key.startswith(left_out))
        }
        for view, fields in totals(redis, name, prefix).items()
    }


def dump(redis: Redis) -> Mapping[bytes, bytes]:
    """Everything that Redis has, as a dump file would."""
    return {key: redis.dump(key) for key in redis.keys("*")}  # type: ignore[misc]  # redis-py says str or None


def restore(redis: Redis, dumped: Mapping[bytes, bytes]) -> None:
    """Put Redis back to a dump."""
    redis.flushall()
    for key, value in dumped.items():
        redis.restore(key, 0, value)
