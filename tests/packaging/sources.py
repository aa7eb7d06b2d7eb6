"""The project's own Python files, and what they import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "state", "agents", "exporters")
ROOTS = (*PACKAGES, "src", "tests", "deploy", "benchmarks")


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file of the repository, each once (the links below src/ are not followed)."""
    return tuple(sorted(path for root in ROOTS for path in _files_below(REPOSITORY / root)))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a file imports, wherever in the file it stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            # `from wayfold import state` names a layer too, so the imported names are part of the path.
            for alias in node.names:
                yield node.lineno, "." * node.level + f"{module}.{alias.name}".lstrip(".")


def shown(path: Path) -> str:
    """The path as a person would write it, from the top of the repository."""
    return str(path.relative_to(REPOSITORY))


def _files_below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_symlink() or path.name.startswith((".", "__pycache__", "node_modules")):
            continue
        if path.is_dir():
            yield from _files_below(path)
        elif path.suffix == ".py":
            yield path
