"""Imports point one way: models ← state ← agents, exporters ← cli."""

from pathlib import Path

import pytest

from tests.packaging.sources import PACKAGES, REPOSITORY, imported_modules, python_files, shown

# What each folder may import of Wayfold itself, apart from `wayfold.settings` and `wayfold.__version__`.
MAY_IMPORT = {
    "models": {"models"},
    "state": {"models", "state"},
    "agents": {"models", "state", "agents", "settings"},
    "exporters": {"models", "state", "exporters", "settings"},
    # Beside the four: what publishes, imitates and checks. None of the four knows them.
    "src/wayfold/publish": {"models", "agents", "publish"},
    "src/wayfold/simulate": {"models", "agents", "simulate"},
    "src/wayfold/audit": {"models", "state", "agents", "audit", "settings"},
}
# Pure folders: the fold must run, be tested and be replayed without a broker, a server or a network.
SERVERS_AND_CLIENTS = {
    *("aiohttp", "aiokafka", "faust", "granian", "httpx", "kafka", "litestar", "mode", "redis"),
    *("requests", "starlette", "urllib3", "uvicorn"),
}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_is_below_it(folder: str) -> None:
    """No file imports a folder that stands above or beside its own."""
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in _files_of(folder)
        for line, name in imported_modules(path)
        if name.startswith("wayfold.") and name.split(".")[1] not in MAY_IMPORT[folder] | {"__version__"}
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ["models", "state"])
def test_pure_folders_know_no_server_and_no_client(folder: str) -> None:
    """Neither models/ nor state/ imports Faust, Kafka, Redis or HTTP libraries."""
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in _files_of(folder)
        for line, name in imported_modules(path)
        if name.split(".")[0] in SERVERS_AND_CLIENTS
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute() -> None:
    """Every import spells `wayfold.<folder>`: relative and bare ones would hide a layer."""
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in python_files()
        for line, name in imported_modules(path)
        if name.startswith(".") or name.split(".")[0] in PACKAGES
    ]
    assert not wrong, "\n".join(wrong)


def test_the_oracle_shares_no_code_with_the_fold() -> None:
    """The naive program that the fold is compared with imports nothing of Wayfold but itself."""
    oracle = _files_of("src/wayfold/audit/oracle")
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in oracle
        for line, name in imported_modules(path)
        if name.startswith("wayfold") and not name.startswith("wayfold.audit.oracle")
    ]
    assert not wrong, "\n".join(wrong)
    assert oracle


def _files_of(folder: str) -> list[Path]:
    return [path for path in python_files() if path.is_relative_to(REPOSITORY / folder)]
