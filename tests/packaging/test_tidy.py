"""Habits that keep the code readable, checked so that nobody has to remind anybody."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.sources import PACKAGES, REPOSITORY, python_files, shown, tree

MOST_LINES = 400
PACKAGED = (*PACKAGES, "tests")
# Spelled backwards, because this file is searched too.
UNFINISHED = re.compile(r"\b(?:{})\b".format("ODOT|EMXIF|KCAH|PIW"[::-1]))
# A sentence ends, and another one begins.
SECOND_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")


def test_files_are_short() -> None:
    """No file is longer than 400 lines."""
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_folder_of_code_is_a_package() -> None:
    """Every folder of the package and of the tests has an __init__.py, so that no tool overlooks it."""
    folders = {path.parent for path in python_files() if path.parts[len(REPOSITORY.parts)] in PACKAGED}
    assert [shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_test_says_what_it_proves() -> None:
    """Every test function has a docstring of exactly one sentence."""
    wrong = []
    for path, function in _test_functions():
        told = " ".join((ast.get_docstring(function) or "").split())
        if not told.endswith(".") or SECOND_SENTENCE.search(told):
            wrong.append(f"{shown(path)}:{function.lineno} {function.name}: {told!r}")
    assert not wrong, "\n".join(wrong)


def test_tests_wait_for_conditions_instead_of_sleeping() -> None:
    """No test calls time.sleep: `wait_until` of local_services returns as soon as it may."""
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in _files_of_tests()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "sleep" and ast.unparse(node.value) == "time"
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_left_for_later() -> None:
    """No file has a note of unfinished work."""
    wrong = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in python_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def _files_of_tests() -> list[Path]:
    return [path for path in python_files() if path.is_relative_to(REPOSITORY / "tests")]


def _test_functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in _files_of_tests():
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield path, node
