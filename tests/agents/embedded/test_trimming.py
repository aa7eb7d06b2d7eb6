"""The log is kept for ever, or trimmed to what snapshots that were read back do not hold."""

import shutil
from collections.abc import Iterator
from functools import partial
from operator import gt
from pathlib import Path

import pytest

from wayfold.agents.embedded.cursor import LogCursor
from wayfold.agents.embedded.log import DurableLog, LogUnusableError
from wayfold.agents.embedded.segment import KEPT_SUFFIX, LogDamagedError, LogTrimmedError
from wayfold.agents.sink import Outgoing, partition_of

KINDS = ("entries", "definitions", "users", "control")
PARTITIONS = 2
ADA, BOB = (("entries", partition_of(name, PARTITIONS)) for name in (b"ada", b"eve"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DurableLog]:
    """A log of many small files, in which entries and control records take turns."""
    log = open_log(tmp_path)
    for number in range(40):
        append(log, number)
    assert len(log.segments) > 6
    yield log
    log.close()


def open_log(directory: Path) -> DurableLog:
    return DurableLog.open(directory, KINDS, PARTITIONS, segment_bytes=600)


def append(log: DurableLog, number: int) -> None:
    """Append an entry of each of two users, and now and then records that are never trimmed."""
    records = [Outgoing("entries", user, b"entry %d" % number) for user in (b"ada", b"eve")]
    if number % 3 == 0:
        records.append(Outgoing("definitions", None, b"definition %d" % number))
        records.append(Outgoing("users", b"ada", b"erasure %d" % number))
        records.append(Outgoing("control", b"letter", b"skip %d" % number, partition=0))
    log.append(records, timestamp_ms=1_000 * number)


def values(log: DurableLog, kind: str, partition: int, offset: int = 0) -> list[bytes]:
    return [record.value or b"" for record in log.read(kind, partition, offset, 1_000)]


def everything(log: DurableLog) -> dict[tuple[str, int], int]:
    return log.next_offsets()


def kept_files(log: DurableLog) -> list[str]:
    return sorted(path.name for path in log.directory.glob(f"*{KEPT_SUFFIX}"))


def test_two_users_lie_in_two_partitions() -> None:
    """What follows is about two topic partitions."""
    assert ADA != BOB


def test_control_records_are_never_trimmed(log: DurableLog, tmp_path: Path) -> None:
    """However often the log is trimmed, definitions, erasures and decisions are read from the first on."""
    whole = {(kind, number): values(log, kind, number) for kind in KINDS for number in range(PARTITIONS)}
    for limit_ms in (10_000, 25_000, 1_000_000):
        assert log.trim(everything(log), partial(gt, limit_ms)) > 0
        assert len(kept_files(log)) == 1
        for place, expected in whole.items():
            if place[0] != "entries":
                assert values(log, *place) == expected
        first = log.first_offsets()
        assert values(log, *ADA, first[ADA]) == whole[ADA][first[ADA] :]
        log.close()
        log = open_log(tmp_path)
    assert first[ADA] > 20
    for number in range(40, 60):
        append(log, number)
    assert len(values(log, "control", 0)) == 20
    reader = DurableLog.open_to_read(tmp_path)
    assert len(values(reader, "definitions", 1)) == 20
    assert reader.log_id == log.log_id
    log.close()


def test_only_what_is_old_and_covered_goes(log: DurableLog) -> None:
    """A file stays while one of its records is young, or beyond what can be had without it."""
    assert log.trim({}, lambda at_ms: True) == 0
    assert log.trim(everything(log), lambda at_ms: False) == 0
    covered = {**everything(log), BOB: 12}
    assert log.trim(covered, lambda at_ms: True) > 0
    assert 0 < log.first_offsets()[BOB] <= 12
    assert log.segments[-1].path.exists()
    with pytest.raises(LogUnusableError, match="Restore a snapshot"):
        log.read(*BOB, 0, 10)


def test_a_file_is_as_old_as_its_latest_record(log: DurableLog) -> None:
    """No record that is younger than the limit is deleted, whatever its file began with."""
    log.trim(everything(log), lambda at_ms: at_ms < 20_000)
    assert log.first_offsets()[ADA] <= 20
    kept = log.read(*ADA, log.first_offsets()[ADA], 1_000)
    assert {record.timestamp for record in kept} >= {1_000 * number for number in range(20, 40)}


def test_a_crash_while_trimming_leaves_a_whole_log(log: DurableLog, tmp_path: Path) -> None:
    """Files that were to go and are still there are read by nobody, and gone after the next opening."""
    before = tmp_path / "before"
    shutil.copytree(tmp_path, before)
    expected = values(log, "definitions", 0)
    log.trim(everything(log), lambda at_ms: at_ms < 20_000)
    first = log.first_offsets()
    log.trim(everything(log), lambda at_ms: at_ms < 30_000)
    log.close()
    for path in before.glob("*.log"):
        if not (tmp_path / path.name).exists():
            shutil.copy(path, tmp_path)
    (tmp_path / "00000000000000000003.new").write_bytes(b"half")
    assert values(DurableLog.open_to_read(tmp_path), "definitions", 0) == expected
    again = open_log(tmp_path)
    assert values(again, "definitions", 0) == expected
    assert again.first_offsets()[ADA] > first[ADA]
    found = sorted(int(path.stem) for path in tmp_path.glob("*.log"))
    assert found == [segment.number for segment in again.segments[1:]]
    assert list(tmp_path.glob("*.new")) == []
    again.close()


def test_a_full_disk_trims_nothing(log: DurableLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what is to be kept cannot be written, every file stays."""
    before = list(log.segments)

    def full(descriptor: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wayfold.agents.embedded.kept.write_fully", full)
    with pytest.raises(OSError, match="No space"):
        log.trim(everything(log), lambda at_ms: True)
    assert log.segments == before
    assert all(segment.path.exists() for segment in before)
    assert list(log.directory.glob("*.new")) == []


def test_a_file_that_is_damaged_is_not_thrown_away(log: DurableLog) -> None:
    """What is to be kept is taken from whole files only; nothing goes when one of them is not."""
    victim = log.segments[1]
    data = bytearray(victim.path.read_bytes())
    data[victim.body_start + 20] ^= 1
    victim.path.write_bytes(data)
    with pytest.raises(LogDamagedError):
        log.trim(everything(log), lambda at_ms: True)
    assert all(segment.path.exists() for segment in log.segments)


def test_a_reader_that_trimming_overtakes_is_told(log: DurableLog) -> None:
    """A reader in a file that went away does not take its end for the end of the log."""
    cursor: LogCursor = log.cursor({})
    assert cursor.next(1)
    log.trim(everything(log), lambda at_ms: True)
    with pytest.raises(LogTrimmedError, match="read the log again"):
        cursor.next(1_000)


def test_a_log_keeps_its_id_and_one_made_anew_has_another(tmp_path: Path) -> None:
    """The id is made with the directory, and says when a log was deleted and made again."""
    first = open_log(tmp_path / "log")
    first.close()
    again = open_log(tmp_path / "log")
    again.close()
    shutil.rmtree(tmp_path / "log")
    other = open_log(tmp_path / "log")
    other.close()
    assert first.log_id == again.log_id != other.log_id
    assert len(first.log_id) == 32
