"""The parts of docs/numbers.md that are made from the catalogue of numbers."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from wayfold.models.numbers.catalogue import STEPS, breakdowns_of, numbers_of
from wayfold.models.numbers.entry import CatalogueNumber, CatalogueStep, Scope
from wayfold.models.numbers.words import FILTERS, TIMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "numbers.md"
PART = re.compile(
    r"(<!-- made from the catalogue of numbers by `make docs`: (?P<name>[a-z]+) -->\n)"
    r".*?(<!-- end of what is made -->\n)",
    re.DOTALL,
)
SCOPES: Final[Mapping[str, Scope]] = {"journey": "journey", "step": "step", "account": "account"}


def numbers_markdown() -> str:
    """The page as it is written by hand, with the parts from the catalogue anew."""
    page = PAGE.read_text(encoding="utf-8")
    parts = {found["name"] for found in PART.finditer(page)}
    assert parts == set(PARTS), f"{PAGE} has the parts {sorted(parts)}, not {sorted(PARTS)}"
    return PART.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}\n{found[3]}", page)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads)]
    table = [f"| {' | '.join(row)} |" for row in (*lines, *rows)]
    table[1] = f"|{'---|' * len(heads)}"
    return "\n".join(table)


def _meanings(scope: Scope) -> str:
    """What counts as it does at a step is explained there."""
    known = {} if scope == "step" else numbers_of("step")
    rows: list[tuple[str, ...]] = [
        (f"`{number.name}`", number.title, number.unit, number.meaning)
        for number in numbers_of(scope).values()
        if number.name not in known or known[number.name].meaning != number.meaning
    ]
    rows += [
        (f"`{table.name}`", table.title, "table", table.meaning) for table in breakdowns_of(scope).values()
    ]
    return _table(("number", "title", "unit", "what it counts"), rows)


def _times() -> str:
    return _table(("time", "is"), ((f"`{time.name}`", time.meaning) for time in TIMES))


def _steps() -> str:
    def kind(step: CatalogueStep) -> str:
        if step.type is None:
            return "not defined"
        if step.type == "message":
            return f"`message` by {f'`{step.channel}`' if step.channel else 'another channel'}"
        return f"`{step.type}`"

    rows = ((kind(step), ", ".join(f"`{name}`" for name in step.numbers)) for step in STEPS)
    return _table(("step", "shows first"), rows)


def _questions() -> str:
    """Every number × filter × clock; numbers that take the same questions share a row."""
    heads = ["of", "numbers", *(word.name for word in FILTERS), "`clock=event`", "`clock=entry`", "users"]
    rows = []
    for title, scope in SCOPES.items():
        for same, numbers in groupby(
            sorted(numbers_of(scope).values(), key=lambda number: _answers(number)[:7]), key=_answers
        ):
            names = ", ".join(f"`{number.name}`" for number in numbers)
            rows.append([title, names, *same])
    return _table(heads, rows)


def _answers(number: CatalogueNumber) -> tuple[str, ...]:
    placed = number.placed_by
    return (
        *("yes" if word.name in number.filters else "–" for word in FILTERS),
        "–" if placed is None else placed.event,
        "–" if placed is None else placed.entry,
        "–" if number.list is None else "listed",
    )


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    **{name: lambda scope=scope: _meanings(scope) for name, scope in SCOPES.items()},  # type: ignore[misc]
    "times": _times,
    "steps": _steps,
    "questions": _questions,
}
