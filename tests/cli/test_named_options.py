"""What messages and documents name, the command line has: every `--option`, under the command named."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from wayfold.cli.commands import app

ROOT = Path(__file__).parents[2]
CODE = ("agents", "exporters", "models", "state", "src/wayfold")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# From the name of the program to the end of the command: line, code span, pipe, quote.
CALL = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?wayfold +((?:[^\n`|;&\"'\\]|\\\n)*)")
OTHERS = {
    "curl": {"--data-binary"},
    "kafka-console-producer.sh": {"--bootstrap-server", "--topic", "--property", "--request-required-acks"},
    "kafka-configs.sh": {
        "--bootstrap-server", "--alter", "--entity-type", "--entity-name", "--add-config"
    },
    "npm": {"--ignore-scripts", "--save-exact"},
    "uv": {"--check"},
    "deploy/local_services": {"--kafka-port", "--redis-port", "--folder"},
}  # fmt: skip
"""Options of other programs that are named."""


def commands() -> Mapping[tuple[str, ...], set[str]]:
    """The options of every command, by the words that call it."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(words: tuple[str, ...], command: Any) -> None:
        found[words] = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        found[words].add("--help")
        for name, sub in getattr(command, "commands", {}).items():
            walk((*words, name), sub)

    walk((), typer.main.get_command(app))
    return found


COMMANDS = commands()


def texts() -> Iterator[tuple[str, str]]:
    """Every document and every text in the code, with where it stands."""
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        yield str(page.relative_to(ROOT)), page.read_text()
    for folder in CODE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                where = f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield where, node.value
                elif isinstance(node, ast.JoinedStr):
                    yield where, "".join(_text_of(part) for part in node.values)


def _text_of(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "X"


def wrong_calls(text: str) -> list[str]:
    """Options in a text that stand behind a command which does not have them."""
    found = []
    for call in CALL.findall(text):
        words: tuple[str, ...] = ()
        for word in call.split():
            if (*words, word) not in COMMANDS:
                break
            words = (*words, word)
        known = COMMANDS[words] | COMMANDS[()]
        found += [
            f"wayfold {' '.join(words)} {option}" for option in OPTION.findall(call) if option not in known
        ]
    return found


def unknown(text: str) -> set[str]:
    """Options in a text that no command has, nor another program that we know."""
    known = set().union(*COMMANDS.values(), *OTHERS.values())
    return set(OPTION.findall(text)) - known


def test_every_named_option_exists() -> None:
    """No message, docstring or page sends a reader to an option that the command line refuses."""
    found = [f"{where}: {what}" for where, text in texts() for what in [*unknown(text), *wrong_calls(text)]]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start with `wayfold worker --from-oldest`.", ["wayfold worker --from-oldest"]),
        ("run wayfold worker --start-at-oldest", []),
        (".venv/bin/wayfold serve --demo", ["wayfold serve --demo"]),
        ("wayfold dead-letters list --reason late | jq --json", []),
        ("wayfold topics create --rate 5", ["wayfold topics --rate"]),
    ],
)  # fmt: skip
def test_an_option_of_another_command_is_found(text: str, expected: list[str]) -> None:
    """The search sees an option that does not belong to the command that stands before it."""
    assert wrong_calls(text) == expected
