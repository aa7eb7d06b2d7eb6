"""The local log: what was appended is read back, once and in order, whatever interrupted the writer."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wayfold.agents.embedded import log as log_module
from wayfold.agents.embedded.lock import LogInUseError
from wayfold.agents.embedded.log import SEGMENT_BYTES, DurableLog, LogUnusableError
from wayfold.agents.embedded.segment import LogDamagedError, segment_path, sync_file
from wayfold.agents.sink import Outgoing, partition_of

KINDS = ("entries", "steps", "definitions")


def open_log(directory: Path, partitions: int | None = 4, segment_bytes: int = SEGMENT_BYTES) -> DurableLog:
    return DurableLog.open(directory, KINDS, partitions, segment_bytes)


def entry(number: int, user: str = "ada") -> Outgoing:
    return Outgoing("entries", user.encode(), b"event %d" % number)


def values(log: DurableLog, kind: str, partition: int, offset: int = 0, limit: int = 10_000) -> list[bytes]:
    return [record.value or b"" for record in log.read(kind, partition, offset, limit)]


def test_records_are_read_back_with_offset_time_key_and_headers(tmp_path: Path) -> None:
    """A record comes back as it was appended, with the time of its append and the next free offset."""
    log = open_log(tmp_path)
    log.append([Outgoing("steps", b"ada", b"one", (("ce_id", b"1"),))], timestamp_ms=1_000)
    log.append([Outgoing("steps", b"ada", b"two")], timestamp_ms=2_000)
    partition = partition_of(b"ada", 4)
    first, second = log.read("steps", partition, 0, 10)
    assert (first.offset, first.timestamp, first.key, first.value) == (0, 1_000, b"ada", b"one")
    assert tuple(map(tuple, first.headers)) == (("ce_id", b"1"),)
    assert (second.offset, second.timestamp, second.value) == (1, 2_000, b"two")
    assert values(log, "steps", partition, offset=1) == [b"two"]
    assert values(log, "steps", partition, limit=1) == [b"one"]


def test_a_user_goes_to_the_partition_that_kafka_would_choose() -> None:
    """Keys are spread as Kafka's own default partitioner spreads them (values from the Java client)."""
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, java_hash in hashes.items():
        assert partition_of(key, 7) == (java_hash & 0x7FFFFFFF) % 7


def test_a_definition_goes_to_every_partition(tmp_path: Path) -> None:
    """Control records are appended to each partition, because each partition's fold needs them."""
    log = open_log(tmp_path)
    log.append([Outgoing("definitions", None, b"{}")])
    assert [values(log, "definitions", partition) for partition in range(4)] == [[b"{}"]] * 4


def test_a_record_without_place_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """One record of an unknown kind, or without its user, keeps the whole append out of the log."""
    log = open_log(tmp_path)
    with pytest.raises(ValueError, match="no topic kind 'calls'"):
        log.append([entry(1), Outgoing("calls", b"ada", b"")])
    with pytest.raises(ValueError, match="user id as its key"):
        log.append([entry(1), Outgoing("steps", None, b"")])
    assert set(log.next_offsets().values()) == {0}


def test_a_reopened_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """Offsets go on over restarts and over files, and the cursor reads across all of them."""
    for start in range(0, 30, 10):
        log = open_log(tmp_path, segment_bytes=400)
        for number in range(start, start + 10):
            log.append([entry(number)])
        log.close()
    log = open_log(tmp_path, segment_bytes=400)
    partition = partition_of(b"ada", 4)
    assert len(log.segments) > 3
    assert values(log, "entries", partition) == [b"event %d" % number for number in range(30)]
    assert values(log, "entries", partition, offset=17, limit=2) == [b"event 17", b"event 18"]


def test_the_cursor_sees_what_is_appended_behind_it(tmp_path: Path) -> None:
    """A reader at the end of the log gets later records, also from files that are begun later."""
    log = open_log(tmp_path, segment_bytes=300)
    cursor = log.cursor({})
    assert cursor.next(10) == []
    for number in range(12):
        log.append([entry(number)])
        (part,) = cursor.next(10)
        assert [record.value for record in part.records] == [b"event %d" % number]
        assert cursor.next(10) == []


def test_the_cursor_takes_no_more_than_asked(tmp_path: Path) -> None:
    """A group larger than the limit is handed out piece by piece, none lost and none twice."""
    log = open_log(tmp_path)
    log.append([entry(number, user=f"user-{number}") for number in range(100)])
    cursor = log.cursor({})
    seen: list[bytes] = []
    while parts := cursor.next(7):
        records = [record for part in parts for record in part.records]
        assert len(records) <= 7
        seen += [record.value or b"" for record in records]
    assert sorted(seen) == sorted(b"event %d" % number for number in range(100))


def two_appends(directory: Path) -> tuple[Path, int]:
    """A closed log of two appends: its file, and how many bytes the first one made."""
    log = open_log(directory)
    log.append([entry(1)])
    whole = log.size_bytes()
    log.append([entry(2)])
    log.close()
    return segment_path(directory, 0), whole


@pytest.mark.parametrize("lost", [1, 5, 12, 13, 30])
def test_a_torn_end_is_cut_off(tmp_path: Path, lost: int) -> None:
    """A write that the machine did not finish disappears; everything before it stays, and appends go on."""
    path, whole = two_appends(tmp_path)
    os.truncate(path, max(whole + 1, path.stat().st_size - lost))
    log = open_log(tmp_path)
    partition = partition_of(b"ada", 4)
    assert values(log, "entries", partition) == [b"event 1"]
    log.append([entry(3)])
    assert values(log, "entries", partition) == [b"event 1", b"event 3"]


def test_what_is_cut_off_is_kept_and_only_when_something_is_appended(tmp_path: Path) -> None:
    """Opening and reading leave a torn end as it is; the first append moves its bytes to a file beside it."""
    path, whole = two_appends(tmp_path)
    for text in (b"torn", b"other"):
        os.truncate(path, whole)
        with path.open("ab") as file:
            file.write(text)
        found = path.read_bytes()
        log = open_log(tmp_path)
        assert values(log, "entries", partition_of(b"ada", 4)) == [b"event 1"]
        assert path.read_bytes() == found
        log.append([entry(3)])
        log.close()
    kept = sorted(tmp_path.glob("*.torn-*"))
    assert [each.read_bytes() for each in kept] == [b"torn", b"other"]
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4)) == [b"event 1", b"event 3"]


def test_a_file_without_head_is_kept_beside_the_log(tmp_path: Path) -> None:
    """A last file whose head is gone stays until something is appended, and its bytes stay after that."""
    log = open_log(tmp_path, segment_bytes=300)
    for number in range(6):
        log.append([entry(number)])
    log.close()
    path = sorted(tmp_path.glob("*.log"))[-1]
    os.truncate(path, 5)
    found = path.read_bytes()
    log = open_log(tmp_path, segment_bytes=300)
    assert path.read_bytes() == found
    log.append([entry(7)])
    log.close()
    [kept] = tmp_path.glob("*.torn-0")
    assert kept.read_bytes() == found
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4))[-1] == b"event 7"


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    """Once closed, a log whose directory may be another process's by now is not written any more."""
    log = open_log(tmp_path)
    log.close()
    with pytest.raises(OSError, match="is closed"):
        log.append([entry(1)])


def test_zeros_at_the_end_are_a_torn_end(tmp_path: Path) -> None:
    """Blocks that a power loss left as zeros behind the last frame are cut off."""
    log = open_log(tmp_path)
    log.append([entry(1)])
    log.close()
    with segment_path(tmp_path, 0).open("ab") as file:
        file.write(bytes(5_000))
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4)) == [b"event 1"]


def test_a_file_without_head_is_one_that_was_being_created(tmp_path: Path) -> None:
    """A crash while the next file is created does no harm."""
    log = open_log(tmp_path)
    log.append([entry(1)])
    log.close()
    segment_path(tmp_path, 1).write_bytes(b"\xf7W")
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4)) == [b"event 1"]


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x40
    path.write_bytes(data)


def test_damage_before_whole_frames_is_refused_at_open(tmp_path: Path) -> None:
    """A changed byte in the middle of the last file is never cut off; the message says what to do."""
    log = open_log(tmp_path)
    log.append([entry(1)])
    place = log.size_bytes() - 3
    log.append([entry(2)])
    log.close()
    flip(segment_path(tmp_path, 0), place)
    with pytest.raises(LogDamagedError, match=r"damaged at byte \d+.*Restore this file from a backup"):
        open_log(tmp_path)


def test_damage_in_an_older_file_is_refused_when_it_is_read(tmp_path: Path) -> None:
    """An older file is checked as it is read, so that opening a large log stays quick."""
    log = open_log(tmp_path, segment_bytes=300)
    for number in range(20):
        log.append([entry(number)])
    log.close()
    path = segment_path(tmp_path, 1)
    flip(path, path.stat().st_size - 3)
    log = open_log(tmp_path)
    with pytest.raises(LogDamagedError, match="damaged at byte"):
        log.read("entries", partition_of(b"ada", 4), 0, 100)


def test_an_older_file_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    """Whole frames missing at a file's end are noticed, because the next file says where it begins."""
    log = open_log(tmp_path, segment_bytes=300)
    ends = []
    for number in range(20):
        log.append([entry(number)])
        ends.append((len(log.segments), log.segments[-1].durable_end))
    log.close()
    second_file = [end for files, end in ends if files == 2]
    os.truncate(segment_path(tmp_path, 1), second_file[-2])
    with pytest.raises(LogDamagedError):
        open_log(tmp_path).read("entries", partition_of(b"ada", 4), 0, 100)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A gap between the files is named instead of being read over."""
    log = open_log(tmp_path, segment_bytes=300)
    for number in range(20):
        log.append([entry(number)])
    log.close()
    segment_path(tmp_path, 1).unlink()
    with pytest.raises(LogDamagedError, match=r"lacks the file before 0+2\.log"):
        open_log(tmp_path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second process (or a second open) is refused and told who has the log."""
    log = open_log(tmp_path)
    with pytest.raises(LogInUseError, match=f"process {os.getpid()}"):
        open_log(tmp_path)
    log.close()
    open_log(tmp_path).close()


def test_without_a_number_of_partitions_a_log_keeps_its_own(tmp_path: Path) -> None:
    """A new log has one partition, and one that was made with three still has three."""
    for made_with, expected in ((None, 1), (3, 3)):
        directory = tmp_path / str(made_with)
        open_log(directory, partitions=made_with).close()
        log = open_log(directory, partitions=None)
        assert log.partitions == expected
        assert {number for _, number in log.next_offsets()} == set(range(expected))
        log.close()


def test_another_number_of_partitions_is_refused(tmp_path: Path) -> None:
    """Users would change partitions, so the log says which number it has."""
    open_log(tmp_path).close()
    with pytest.raises(LogUnusableError, match="made with 4 partitions and the setting says 8"):
        open_log(tmp_path, partitions=8)


def test_a_store_that_is_ahead_of_the_log_is_refused(tmp_path: Path) -> None:
    """A log that was replaced by an older one is noticed before anything is folded."""
    log = open_log(tmp_path)
    with pytest.raises(LogUnusableError, match="ends at offset 0 of steps, partition 2, but 5 records"):
        log.cursor({("steps", 2): 5})


def test_a_full_disk_leaves_a_log_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half-way is taken back, and the log goes on when there is space again."""
    log = open_log(tmp_path)
    log.append([entry(1)])

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log_module, "write_fully", half)
        with pytest.raises(OSError, match="No space left"):
            log.append([entry(2)])
    log.append([entry(3)])
    log.close()
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4)) == [b"event 1", b"event 3"]


def test_after_a_failed_sync_nothing_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk could not sync, only a restart can tell what is there, so every append is refused."""
    log = open_log(tmp_path)

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(log_module, "sync_file", broken)
        with pytest.raises(OSError, match="Input/output"):
            log.append([entry(1)])
    with pytest.raises(OSError, match="restart Wayfold"):
        log.append([entry(2)])
    assert set(log.next_offsets().values()) == {0}


def test_a_sync_that_a_full_disk_refuses_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that finds out about its lack of room at the sync leaves a log that goes on as well."""
    log = open_log(tmp_path)
    log.append([entry(1)])
    sync = sync_file
    calls = []

    def full_once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(log_module, "sync_file", full_once)
        with pytest.raises(OSError, match="No space left"):
            log.append([entry(2)])
    log.append([entry(3)])
    log.close()
    assert values(open_log(tmp_path), "entries", partition_of(b"ada", 4)) == [b"event 1", b"event 3"]


WRITER = """
import sys
from pathlib import Path
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.sink import Outgoing

log = DurableLog.open(Path(sys.argv[1]), ("entries", "steps", "definitions"), 4, segment_bytes=20_000)
number = sum(log.next_offsets().values())
while True:
    log.append([Outgoing("entries", b"user-%d" % i, b"%d" % i) for i in range(number, number + 7)])
    number += 7
    print(number, flush=True)
"""


def test_everything_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """A writer is killed again and again at random moments; no acknowledged event is missing or doubled."""
    acknowledged = 0
    for milliseconds in (40, 90, 130, 60):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        acknowledged = int(next(lines))
        timer = threading.Timer(milliseconds / 1000, process.kill)
        timer.start()
        for line in lines:
            if line.endswith("\n"):
                acknowledged = int(line)
        assert process.wait() == -9
        log = open_log(tmp_path)
        numbers = sorted(
            int(value) for partition in range(4) for value in values(log, "entries", partition, limit=10**9)
        )
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= acknowledged
        log.close()
