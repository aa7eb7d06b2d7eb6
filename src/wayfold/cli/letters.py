"""`wayfold dead-letters`: refused records listed, sent again once they are mended, and a record skipped."""

import asyncio
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from rich.console import Console

from wayfold.agents.control.skipping import SkipRequest, operator, skip_in_kafka
from wayfold.agents.dead_letters import list_letters, resend
from wayfold.agents.embedded.dead_letters import list_local_letters
from wayfold.agents.embedded.letters_http import StillRefused, resend_over_http, skip_over_http
from wayfold.agents.embedded.open import letters_directory
from wayfold.agents.embedded.skipping import skip_in_directory
from wayfold.cli.sending import RefusedError
from wayfold.exporters.show.letters import print_letters, read_lines, write_line
from wayfold.models.refusal import DeadLetter, Reason
from wayfold.settings import Settings


def find_letters(
    settings: Settings, data: Path | None, reason: Reason | None, limit: int | None, with_resent: bool
) -> Iterator[DeadLetter]:
    """Find the dead letters in Kafka, or those of an embedded host's directory."""
    if data is None:
        return list_letters(settings.kafka, reason=reason, limit=limit, with_resent=with_resent)
    directory = letters_directory(data)
    return list_local_letters(directory, reason=reason, limit=limit, with_resent=with_resent)


def print_found(letters: Iterator[DeadLetter], *, as_json: bool) -> None:
    """Print letters as a table, or as a line of JSON each."""
    if not as_json:
        print_letters(list(letters), Console())
        return
    for letter in letters:
        sys.stdout.buffer.write(write_line(letter) + b"\n")


def skip_record(
    settings: Settings, request: SkipRequest, data: Path | None, url: str | None, console: Console
) -> None:
    """Have a record refused: in Kafka, in a data directory, or by the host at `url`.

    Raises SkipRefusedError for a record that is not there, or that is counted unless the request is forced.
    """
    request = msgspec.structs.replace(request, by=operator())
    if url is not None:
        asyncio.run(skip_over_http(url, request))
        then = "its dead letter comes with its batch"
    elif data is not None:
        asyncio.run(skip_in_directory(data, request))
        then = f"start `wayfold run --data {shlex.quote(str(data))}` again"
    else:
        request = asyncio.run(skip_in_kafka(settings, request))
        then = "start the workers that stopped again"
    place = f"{request.topic}/{request.partition}/{request.offset}"
    console.print(f"{place} is refused from now on and not counted; {then}", highlight=False, soft_wrap=True)


def resend_lines(settings: Settings, url: str | None, lines: BinaryIO, console: Console) -> None:
    """Send letters again, as lines of JSON that may have been mended: into Kafka, or to the host at `url`.

    Raises LettersError for lines that cannot be read, before anything is sent, and RefusedError when some
    would be refused again.
    """
    content = lines.read()
    mended = list(read_lines(content.splitlines()))
    if url is None:
        answers = resend(settings, mended)
        still = [
            StillRefused(one.letter.topic, one.letter.partition, one.letter.offset, one.refusal)
            for one in answers
            if one.refusal is not None
        ]
    else:
        still = asyncio.run(resend_over_http(url, content)).refused
    console.print(f"{len(mended) - len(still)} of {len(mended)} letters were sent again")
    if still:
        raise RefusedError(
            "\n".join(
                f"{one.topic}/{one.partition}/{one.offset} would be refused again: {one.refusal.message}"
                for one in still
            )
        )
