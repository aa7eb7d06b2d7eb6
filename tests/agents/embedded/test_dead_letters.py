"""Dead letters of the embedded host: kept byte for byte, listed once, sent again when mended."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.agents.fakes import KeptRecords
from wayfold.agents.control.skipping import SkipRequest
from wayfold.agents.embedded import dead_letters
from wayfold.agents.embedded.dead_letters import LocalDeadLetters, list_local_letters
from wayfold.agents.embedded.letters_http import letters_router
from wayfold.agents.embedded.log import LogUnusableError
from wayfold.agents.sink import Outgoing
from wayfold.exporters.show.letters import read_lines, write_line
from wayfold.models.refusal import DeadLetter, Reason, Refusal

GOOD = (
    b'{"type":"goal.reached","event_id":"e","occurred_at":"2026-11-01T12:00:00Z","user_id":"ada","name":"n"}'
)


def letter(
    offset: int, reason: Reason = Reason.UNPARSEABLE, value: bytes | None = b"\xff\x00oops"
) -> DeadLetter:
    refusal = Refusal(reason, "a.b", "Send something else: “so”.")
    return DeadLetter(
        "steps", 2, offset, 1_790_000_000_000, refusal, b"ad\xffa", value, (("ce_id", b"\x00"),)
    )


async def test_letters_come_back_as_they_were(tmp_path: Path) -> None:
    """Bytes, key, headers, place and reason are kept, also of a record without a value."""
    letters = LocalDeadLetters.open(tmp_path)
    await letters.write([letter(1), letter(2, value=None)])
    assert list(letters.letters()) == [letter(1), letter(2, value=None)]
    await letters.close()
    assert list(list_local_letters(tmp_path)) == [letter(1), letter(2, value=None)]


async def test_a_letter_that_a_crash_wrote_twice_is_listed_once(tmp_path: Path) -> None:
    """The identity of a letter is the place of the record that it keeps."""
    letters = LocalDeadLetters.open(tmp_path)
    await letters.write([letter(1), letter(2)])
    await letters.write([letter(1), letter(2), letter(3)])
    assert [each.offset for each in letters.letters()] == [1, 2, 3]
    await letters.close()


async def test_letters_are_chosen_by_reason_and_number(tmp_path: Path) -> None:
    """A limit counts what is listed, after the choice by reason."""
    letters = LocalDeadLetters.open(tmp_path)
    await letters.write(
        [letter(number, Reason.LATE if number % 2 else Reason.FUTURE) for number in range(10)]
    )
    assert [each.offset for each in letters.letters(reason=Reason.LATE, limit=2)] == [1, 3]
    await letters.close()


async def test_mended_letters_are_sent_again(tmp_path: Path) -> None:
    """A mended value goes to the log, addressed by what it says; one that is still wrong stays a letter."""
    letters = LocalDeadLetters.open(tmp_path)
    sink = KeptRecords()
    kept = DeadLetter("steps", 0, 1, 0, Refusal(Reason.WRONG_TOPIC, "type", "No."), b"bob", GOOD)
    await letters.write([kept, letter(2)])
    sent, refused = await letters.resend(sink, [(kept, GOOD), (letter(2), b"still wrong")])
    assert (sent.letter, sent.refusal) == (kept, None)
    assert refused.refusal is not None
    assert refused.refusal.reason == Reason.UNPARSEABLE
    (record,) = sink.records
    assert (record.kind, record.key, record.value) == ("conversions", b"ada", GOOD)
    assert [each.offset for each in letters.letters()] == [2]
    assert [each.offset for each in letters.letters(with_resent=True)] == [1, 2]
    await letters.close()


async def test_a_flood_is_written_in_bounded_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No synced write takes more than so many letters or bytes of them; each letter is there once."""
    monkeypatch.setattr(dead_letters, "WRITE_LETTERS", 100)
    monkeypatch.setattr(dead_letters, "WRITE_BYTES", 10_000)
    letters = LocalDeadLetters.open(tmp_path)
    append, sizes = letters.log.append, []

    def counted(records: Sequence[Outgoing]) -> None:
        sizes.append(len(records))
        append(records)

    monkeypatch.setattr(letters.log, "append", counted)
    await letters.write([letter(number, value=b"x" * (6_000 if number < 3 else 1)) for number in range(300)])
    assert sizes == [1, 1, 100, 100, 98]
    assert [each.offset for each in letters.letters()] == list(range(300))
    await letters.close()


def test_a_directory_without_letters_says_so(tmp_path: Path) -> None:
    """A wrong directory is no empty list."""
    with pytest.raises(LogUnusableError, match="There is no event log in"):
        list(list_local_letters(tmp_path))


async def never(request: SkipRequest) -> None:
    raise AssertionError(request)


async def test_letters_are_sent_again_over_http(tmp_path: Path) -> None:
    """The lines that the list prints go back, mended, to a running host; wrong lines are named."""
    letters = LocalDeadLetters.open(tmp_path)
    sink = KeptRecords()
    await letters.write([letter(1), letter(2)])
    router = letters_router(letters, sink, read_lines, never)
    lines = [write_line(each) for each in letters.letters()]
    mended = msgspec.json.decode(lines[0])
    mended["base64"].remove("value")
    body = b"\n".join([msgspec.json.encode({**mended, "value": GOOD.decode()}), lines[1]])
    async with AsyncTestClient(Litestar([router])) as client:
        answer = await client.post("/v1/dead-letters/resend", content=body)
        assert answer.status_code == 200
        assert answer.json()["sent"] == 1
        assert [(each["topic"], each["offset"]) for each in answer.json()["refused"]] == [("steps", 2)]
        assert (await client.post("/v1/dead-letters/resend", content=b"{")).status_code == 400
    assert [record.value for record in sink.records] == [GOOD]
    assert [each.offset for each in letters.letters()] == [2]
    await letters.close()
