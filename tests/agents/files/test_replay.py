"""Replay: the same events from every kind of file, in order, resumable, with every bad row named."""

import asyncio
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from tests.agents.fakes import KeptRecords
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.agents.files import replay as replay_module
from wayfold.agents.files.checkpoint import Checkpoint
from wayfold.agents.files.making import EventMaker, MadeEvent
from wayfold.agents.files.mapping import MappingError, parse_mapping
from wayfold.agents.files.readers import Line, UnreadableFileError
from wayfold.agents.files.replay import Replay, ReplaySummary
from wayfold.agents.files.sorting import TimeOrder
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing
from wayfold.models.refusal import Reason


def event(number: int, day: int = 1) -> dict[str, Any]:
    return {
        "type": "step.entered",
        "event_id": f"e-{number}",
        "occurred_at": f"2026-10-{day:02d}T12:00:00Z",
        "user_id": f"user-{number % 7}",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
        "step_id": "hello",
    }


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    data = b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), delimiter="\t" if ".tsv" in path.name else ",")
    writer.writeheader()
    writer.writerows(rows)
    data = b"\xef\xbb\xbf" + text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def checkpoint(path: Path | None = None, is_sorted: bool = True) -> Checkpoint:
    return Checkpoint(path, destination="here", mapping=b"", is_sorted=is_sorted)


async def replayed(*files: Path, **options: Any) -> tuple[list[str], ReplaySummary]:
    """The event ids in the order in which they were sent, and the summary."""
    sink = KeptRecords()
    options.setdefault("checkpoint", checkpoint(is_sorted=options.get("is_sorted", True)))
    summary = await Replay(SinkDestination(sink), **options).run(files)
    return ids(sink.records), summary


def ids(records: Sequence[Outgoing]) -> list[str]:
    return [json.loads(record.value or b"")["event_id"] for record in records]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("events.jsonl", write_lines),
        ("events.ndjson.gz", write_lines),
        ("events.csv", write_csv),
        ("events.tsv.gz", write_csv),
        ("events.parquet", write_parquet),
    ],
)
async def test_every_kind_of_file_gives_the_same_events(tmp_path: Path, name: str, write: Any) -> None:
    """JSONL, CSV and Parquet, compressed or not, with a byte order mark or not."""
    path = write(tmp_path / name, [event(number) for number in range(30)])
    sent, summary = await replayed(path)
    assert sent == [f"e-{number}" for number in range(30)]
    assert (summary.sent, summary.skipped, sum(summary.rejected.values())) == (30, 0, 0)


async def test_events_are_sent_in_the_order_of_time(tmp_path: Path) -> None:
    """A file ordered by case is sent ordered by time, unless told otherwise."""
    path = write_lines(tmp_path / "a.jsonl", [event(1, 9), event(2, 3), event(3, 9), event(4, 1)])
    assert (await replayed(path))[0] == ["e-4", "e-2", "e-1", "e-3"]
    assert (await replayed(path, is_sorted=False))[0] == ["e-1", "e-2", "e-3", "e-4"]


def test_sorting_takes_bounded_memory(tmp_path: Path) -> None:
    """Runs are merged from files; the order is that of a plain stable sort, and the files are gone after."""
    lines = [
        Line(number, json.dumps(event(number, number * 7 % 28 + 1)).encode()) for number in range(1, 1_001)
    ]
    events = [made for made in EventMaker(None).events_of(lines) if isinstance(made, MadeEvent)]
    with TimeOrder(run_events=64) as order:
        for made in events:
            order.add(made)
        assert len(order._run) < 64
        folder = order._folder
        assert folder is not None
        assert list(order) == sorted(events, key=lambda made: made.at_ms)
    assert not folder.exists()


async def test_bad_rows_are_named_and_the_others_sent(tmp_path: Path) -> None:
    """Each row that is no event comes with its number, the reason, the field, and what to do."""
    rows = [event(1), b"{oops", {**event(2), "journey_version": 0}, b"", event(3)]
    heard: list[int] = []
    path = write_lines(tmp_path / "a.jsonl", rows)
    sent, summary = await replayed(path, on_problem=lambda problem: heard.append(problem.row))
    assert sent == ["e-1", "e-3"]
    assert [(each.row, each.reason, each.field) for each in summary.problems] == [
        (2, Reason.UNPARSEABLE, ""),
        (3, Reason.WRONG_FIELD, "journey_version"),
    ]
    assert heard == [2, 3]
    assert summary.rejected == {Reason.UNPARSEABLE: 1, Reason.WRONG_FIELD: 1}


class OvertakingDestination(SinkDestination):
    """Takes a batch only after others that are sent meanwhile."""

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        for _ in range(20 if "e-0" in ids(records) else 1):
            await asyncio.sleep(0)
        return await super().send(records)


async def test_events_reach_the_log_in_the_order_of_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No batch is sent before the one before it was taken, so that none overtakes it."""
    monkeypatch.setattr(replay_module, "BATCH_EVENTS", 2)
    file = write_lines(
        tmp_path / "events.jsonl", [event(number, 1 + number) for number in reversed(range(9))]
    )
    sink = KeptRecords()
    await Replay(OvertakingDestination(sink), checkpoint()).run([file])
    assert ids(sink.records) == [f"e-{number}" for number in range(9)]


class Interrupted(SinkDestination):
    """Fails at the batch with this number, counted from 1; rejects the events with these ids."""

    def __init__(self, sink: KeptRecords, fail_at: int = 0, rejects: frozenset[str] = frozenset()) -> None:
        super().__init__(sink)
        self._fail_at = fail_at
        self._rejects = rejects
        self._batches = 0

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        self._batches += 1
        if self._batches == self._fail_at:
            raise DestinationError("the network is gone")
        await super().send(records)
        return [
            Rejected(index, event_id, Reason.LATE, "occurred_at", "Too old.")
            for index, event_id in enumerate(ids(records))
            if event_id in self._rejects
        ]


@pytest.mark.parametrize("is_sorted", [True, False])
async def test_an_interrupted_replay_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_sorted: bool
) -> None:
    """The next run sends what is missing, a few batches twice, and forgets its checkpoint at the end."""
    monkeypatch.setattr(replay_module, "BATCH_EVENTS", 10)
    first = write_lines(tmp_path / "a.jsonl", [event(number, number % 28 + 1) for number in range(100)])
    second = write_lines(tmp_path / "b.jsonl", [event(number, 2) for number in range(100, 200)])
    place = tmp_path / "checkpoint.json"
    sink = KeptRecords()
    broken = Replay(Interrupted(sink, fail_at=15), checkpoint(place, is_sorted), is_sorted=is_sorted)
    with pytest.raises(DestinationError):
        await broken.run([first, second])
    before = len(sink.records)
    assert place.exists()
    again = Replay(SinkDestination(sink), checkpoint(place, is_sorted), is_sorted=is_sorted)
    summary = await again.run([first, second])
    assert set(ids(sink.records)) == {f"e-{number}" for number in range(200)}
    assert summary.skipped == 140
    assert len(sink.records) - before <= 60 + 40
    assert not place.exists()


async def test_a_checkpoint_of_something_else_is_not_gone_on_from(tmp_path: Path) -> None:
    """Another destination, or a file that has changed, is replayed from its beginning."""
    path = write_lines(tmp_path / "a.jsonl", [event(number) for number in range(10)])
    place = tmp_path / "checkpoint.json"

    def saved_after(sent: int) -> Checkpoint:
        saved = checkpoint(place)
        saved.of(path).events_sent = sent
        saved.save()
        return checkpoint(place)

    assert saved_after(4).of(path).events_sent == 4
    other = Checkpoint(place, destination="there", mapping=b"", is_sorted=True)
    assert other.of(path).events_sent == 0
    write_lines(path, [event(number) for number in range(11)])
    assert checkpoint(place).of(path).events_sent == 0
    place.write_bytes(b"{half")
    assert checkpoint(place).of(path).events_sent == 0


@pytest.mark.parametrize("destination", ["here", "there"])
async def test_another_replay_leaves_a_checkpoint_as_it_is(tmp_path: Path, destination: str) -> None:
    """One that was interrupted goes on after another file was replayed, to the same place or elsewhere."""
    interrupted = write_lines(tmp_path / "a.jsonl", [event(number) for number in range(10)])
    other = write_lines(tmp_path / "b.jsonl", [event(number) for number in range(10, 20)])
    place = tmp_path / "checkpoint.json"
    saved = checkpoint(place)
    saved.of(interrupted).events_sent = 7
    saved.save()
    elsewhere = Checkpoint(place, destination=destination, mapping=b"", is_sorted=True)
    await Replay(SinkDestination(KeptRecords()), elsewhere).run([other])
    summary = await Replay(SinkDestination(KeptRecords()), checkpoint(place)).run([interrupted])
    assert (summary.skipped, summary.sent) == (7, 3)
    assert not place.exists()


async def test_what_the_other_side_rejects_is_named_by_its_row(tmp_path: Path) -> None:
    """Verdicts of the destination come with the number of the row in the file, though events were sorted."""
    path = write_lines(tmp_path / "a.jsonl", [event(1, 9), event(2, 3), event(3, 1)])
    destination = Interrupted(KeptRecords(), rejects=frozenset({"e-2"}))
    summary = await Replay(destination, checkpoint()).run([path])
    assert [(each.row, each.reason) for each in summary.problems] == [(2, Reason.LATE)]
    assert summary.sent == 2


async def test_progress_is_told(tmp_path: Path) -> None:
    """Whoever shows a bar hears how much was read, and how many events of how many are durable."""
    path = write_lines(tmp_path / "a.jsonl", [event(number) for number in range(2_500)])
    heard: list[tuple[str, int, int | None]] = []

    class Listening:
        def reading(self, file: Path, done_bytes: int, size_bytes: int) -> None:
            heard.append(("read", done_bytes, size_bytes))

        def sending(self, file: Path, done_events: int, total_events: int | None) -> None:
            heard.append(("sent", done_events, total_events))

    await replayed(path, progress=Listening())
    size = path.stat().st_size
    assert ("read", size, size) in heard
    assert [each for each in heard if each[0] == "sent"] == [
        ("sent", done, 2_500) for done in (1_000, 2_000, 2_500)
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.txt", b"{}", "call it .jsonl, .csv"),
        ("events.csv", b"", "its first line must name the columns"),
        ("events.csv", b"a\n\xff\n", "no UTF-8 text"),
        ("events.jsonl.gz", b"no gzip", "damaged or not what its name says"),
        ("events.jsonl.gz", gzip.compress(b"x" * 100_000)[:-20], "damaged or not what its name says"),
        ("events.parquet", b"PAR1", "damaged or not what its name says"),
    ],
)
async def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """Wrong names, damaged and truncated files end the replay with a clear error."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message):
        await replayed(path)


async def test_a_mapping_that_does_not_fit_the_file_ends_before_anything_is_sent(tmp_path: Path) -> None:
    """A column that is not there is an error of the mapping, not of every row."""
    path = write_csv(tmp_path / "a.csv", [{"id": "1"}])
    mapping = parse_mapping(
        b"events: [{type: goal.reached, user_id: '{user}', name: n, occurred_at: '{id}'}]"
    )
    with pytest.raises(MappingError, match="column 'user'"):
        await replayed(path, mapping=mapping)
