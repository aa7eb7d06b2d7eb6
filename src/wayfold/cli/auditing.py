"""`wayfold audit`: the running system's numbers beside those that the event log gives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from wayfold.agents.control.kafka import read_control
from wayfold.agents.embedded.control import read_local_control
from wayfold.agents.embedded.open import control_directory, events_directory
from wayfold.agents.fold_settings import limits_of
from wayfold.agents.kafka.topics import find_topics
from wayfold.audit.audit import System, Verdict, audit
from wayfold.audit.gathering import LogRules
from wayfold.audit.live import AuditImpossibleError, LiveNumbers
from wayfold.audit.log_sources import EventLog, KafkaLog, LocalLog
from wayfold.audit.oracle import Limits
from wayfold.audit.questions import Scope
from wayfold.cli.options import DEFAULT_URL
from wayfold.exporters.api.cluster import PARTIALS, STATUSES, USERS, Reply
from wayfold.exporters.api.internal import TOKEN_HEADER, PartialsQuestion, UsersQuestion
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import Settings
from wayfold.state.control import ControlTable
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest

T = TypeVar("T")

DAY_MS = 86_400_000
QUESTION_TIMEOUT_S = 600.0
AHEAD_MS = (0, 10_000, 600_000, DAY_MS, 400 * DAY_MS)
SHOWN_DIFFERENCES = 100
SHOWN_CHARACTERS = 60
VALUE_WIDTH = 20

Owners = Callable[[], Awaitable[Mapping[int, str | None]]]


class LiveOverHttp:
    """Asks the partitions' owners, each at the URL that `owners` gives for it."""

    def __init__(self, session: aiohttp.ClientSession, owners: Owners, token: str | None) -> None:
        self._session = session
        self._owners = owners
        self._headers = {"content-type": "application/json"} | (
            {} if token is None else {TOKEN_HEADER: token}
        )

    async def numbers(self, query: Query, judged_at_ms: int = 0) -> LiveNumbers:
        """Give every partition's share; raises `AuditImpossibleError` when one cannot be asked."""
        owners = await self._by_url()
        statuses = await self._ask(owners, "partitions", None, STATUSES)
        watermarks = greatest(status.watermarks for status in statuses.values())
        # A partition cannot judge open windows at an instant that it has passed: when events come in
        # meanwhile, all are asked about instants that lie ahead, as far as it takes.
        for ahead_ms in AHEAD_MS:
            judged = {account: max(at_ms, judged_at_ms) + ahead_ms for account, at_ms in watermarks.items()}

            def question(numbers: list[int], judged: dict[str, int] = judged) -> PartialsQuestion:
                return PartialsQuestion(query=query, partitions=numbers, watermarks=judged)

            partials = await self._ask(owners, "partial", question, PARTIALS)
            if any(partial["judging_since_ms"] is not None for partial in partials.values()):
                raise AuditImpossibleError(
                    "a definition that came late is on its way through its journey's users; audit again when "
                    "`lag_ms` is 0"
                )
            watermarks = greatest(partial["watermarks"] for partial in partials.values())
            if all(at_ms <= judged.get(account, -1) for account, at_ms in watermarks.items()):
                return LiveNumbers(partials, judged)
        raise AuditImpossibleError("the events' time runs ahead too fast; audit again when it is calmer")

    async def users(self, query: Query, number: str) -> set[str]:
        """Give the users behind a number; raises `AuditImpossibleError` when a partition cannot be asked."""

        def question(numbers: list[int]) -> UsersQuestion:
            return UsersQuestion(query=query, partitions=numbers, number=number)

        found = await self._ask(await self._by_url(), "users", question, USERS)
        return {user for users in found.values() for user in users}

    async def _by_url(self) -> dict[str, list[int]]:
        by_url: dict[str, list[int]] = {}
        for number, url in (await self._owners()).items():
            if url is None:
                raise AuditImpossibleError(f"no worker has partition {number}; see that enough of them run")
            by_url.setdefault(url, []).append(number)
        if not by_url:
            raise AuditImpossibleError(
                "no worker has ever run; start `wayfold worker`, or name an embedded host with --url"
            )
        return by_url

    async def _ask(
        self,
        owners: Mapping[str, list[int]],
        path: str,
        question: Callable[[list[int]], msgspec.Struct] | None,
        reply: msgspec.json.Decoder[Reply[T]],
    ) -> dict[int, T]:
        found: dict[int, T] = {}
        for url, numbers in owners.items():
            answer = await self.ask_one(f"{url}/internal/{path}", question(numbers) if question else None)
            said = reply.decode(answer).partitions
            missing = [number for number in numbers if number not in said]
            if missing:
                raise AuditImpossibleError(f"partition {missing[0]} is moving to another worker; audit again")
            found.update((number, said[number]) for number in numbers)
        return found

    async def ask_one(self, url: str, question: msgspec.Struct | None) -> bytes:
        """Give what a process answers; raises `AuditImpossibleError` when it does not, or refuses."""
        method = "GET" if question is None else "POST"
        body = None if question is None else msgspec.json.encode(question)
        try:
            async with self._session.request(method, url, data=body, headers=self._headers) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AuditImpossibleError(
                f"nothing answers at {url} ({error or 'too slow'}); see that the host runs and that this is "
                "its address"
            ) from None
        if response.status != 200:
            raise AuditImpossibleError(
                f"{url} answered {response.status}: {content[:300].decode(errors='replace')}"
            )
        return content


def run_audit(
    settings: Settings, scope: Scope, *, url: str | None, data: Path | None, max_events: int, console: Console
) -> Verdict:
    """Audit the embedded host at `url` with its directory `data`, or the cluster when neither is given.

    Raises `AuditImpossibleError`, and what the log, Kafka or Redis raise when they cannot be read.
    """
    return asyncio.run(_run(settings, scope, url, data, max_events, console))


async def _run(
    settings: Settings, scope: Scope, url: str | None, data: Path | None, max_events: int, console: Console
) -> Verdict:
    timeout = aiohttp.ClientTimeout(total=QUESTION_TIMEOUT_S)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    async with aiohttp.ClientSession(timeout=timeout) as session:
        opening = (
            _cluster(settings, session)
            if url is None and data is None
            else _embedded(settings, session, url or DEFAULT_URL, data or settings.embedded.directory)
        )
        async with opening as system:
            with Progress(*columns, console=console, transient=True) as progress:
                task = progress.add_task("asking for the numbers")
                return await audit(
                    system,
                    scope,
                    max_events=max_events,
                    progress=lambda records: progress.update(
                        task, description=f"{records:,} records of the log read"
                    ),
                )


@asynccontextmanager
async def _embedded(
    settings: Settings, session: aiohttp.ClientSession, url: str, directory: Path
) -> AsyncIterator[System]:
    address = url.rstrip("/")

    async def owners() -> Mapping[int, str | None]:
        return dict.fromkeys(
            STATUSES.decode(await live.ask_one(f"{address}/internal/partitions", None)).partitions, address
        )

    live = LiveOverHttp(session, owners, _token(settings))
    control = read_local_control(control_directory(directory))
    yield _system(settings, live, LocalLog(events_directory(directory)), "murmur2", control)


@asynccontextmanager
async def _cluster(settings: Settings, session: aiohttp.ClientSession) -> AsyncIterator[System]:
    reader = RedisReader(settings.redis)
    try:
        live = LiveOverHttp(session, reader.owners, _token(settings))
        topics = await asyncio.to_thread(find_topics, settings.kafka)
        control = await read_control(settings.kafka, topics)
        yield _system(settings, live, KafkaLog(settings.kafka), settings.fold.partitioner, control)
    finally:
        await reader.close()


def _system(
    settings: Settings, live: LiveOverHttp, log: EventLog, partitioner: Any, control: ControlTable
) -> System:
    skipped: dict[int, set[tuple[str, int]]] = {}
    for skip in control.skips():
        skipped.setdefault(skip.partition, set()).add((skip.topic, skip.offset))
    rules = LogRules(
        partitions=log.partitions,
        partitioner=partitioner,
        retention_ms=settings.fold.retention_days * DAY_MS,
        limits=Limits(**msgspec.structs.asdict(limits_of(settings))),
        skipped=skipped,
    )
    return System(live, log, rules, settings.fold.account_time_zones, settings.fold.time_zone)


def _token(settings: Settings) -> str | None:
    return None if settings.worker.token is None else settings.worker.token.get_secret_value()


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print what differs as a table, and how much was compared."""
    if verdict.differences:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("number", overflow="fold")
        table.add_column("live", overflow="fold", max_width=VALUE_WIDTH)
        table.add_column("recomputed", overflow="fold", max_width=VALUE_WIDTH)
        for one in verdict.differences[:SHOWN_DIFFERENCES]:
            table.add_row(Text(one.path), _shown(one.live), _shown(one.recomputed))
        console.print(table)
    left_out = len(verdict.differences) - SHOWN_DIFFERENCES
    if left_out > 0:
        console.print(f"and {left_out:,} more; --json has them all")
    what = "values" if verdict.scope.users_share is None else "lists of users"
    answer = "equal" if verdict.equal else f"{len(verdict.differences):,} differences"
    console.print(
        f"{answer}: {verdict.compared:,} {what}, recomputed from {verdict.events:,} events of "
        f"{verdict.records:,} records, watermark {verdict.watermark or '–'}",
        highlight=False,
        soft_wrap=True,
    )
    for note in verdict.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)


def _shown(value: Any) -> Text:
    if value is None:
        return Text("–")
    text = str(value)
    return Text(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")
