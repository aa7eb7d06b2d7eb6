"""`wayfold dead-letters`: refused records listed, and sent again once they are mended."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from wayfold.agents.dead_letters import list_letters, resend
from wayfold.agents.embedded.dead_letters import list_local_letters
from wayfold.agents.embedded.letters_http import StillRefused, resend_over_http
from wayfold.agents.embedded.open import letters_directory
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
