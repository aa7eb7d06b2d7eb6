"""`wayfold dead-letters`: refused records listed, and sent again once they are mended."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from wayfold.agents.dead_letters import list_letters, resend
from wayfold.agents.embedded.dead_letters import list_local_letters
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


def resend_lines(settings: Settings, lines: BinaryIO, console: Console) -> None:
    """Send letters again, as lines of JSON that may have been mended.

    Raises LettersError for lines that cannot be read, before anything is sent, and RefusedError when some
    would be refused again.
    """
    answers = resend(settings, list(read_lines(lines)))
    refused = [answer for answer in answers if answer.refusal is not None]
    console.print(f"{len(answers) - len(refused)} of {len(answers)} letters were sent again")
    if refused:
        raise RefusedError(
            "\n".join(
                f"{one.letter.topic}/{one.letter.partition}/{one.letter.offset} would be refused again: "
                f"{one.refusal.message if one.refusal else ''}"
                for one in refused
            )
        )
