"""The compose file and the Dockerfile name commands, settings and files that exist."""

import json
import re
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tests.packaging.sources import PACKAGES, REPOSITORY
from wayfold.cli.commands import app
from wayfold.settings.load import fields, load, variable

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "wayfold"}
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    """The command of each of our services is one of the command line."""
    assert OURS[name]["command"][0] in get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_settings_that_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of each of our services can be loaded as settings."""
    for key, value in OURS[name]["environment"].items():
        monkeypatch.setenv(key, value if isinstance(value, str) else json.dumps(value))
    load()


def test_workers_share_a_group_but_neither_name_nor_data() -> None:
    """Each worker has its own static name, address and volume."""
    workers = [service for service in OURS.values() if service["command"] == ["worker"]]
    assert len(workers) == 2
    for name in ("WAYFOLD_KAFKA_GROUP_INSTANCE_ID", "WAYFOLD_WORKER_URL"):
        assert len({worker["environment"][name] for worker in workers}) == len(workers)
    assert len({worker["volumes"][0] for worker in workers}) == len(workers)


def test_the_image_has_every_folder_that_src_links_to() -> None:
    """The Dockerfile copies the four folders, src and the licence, and .dockerignore lets them through."""
    let_through = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for folder in (*PACKAGES, "src"):
        assert f"COPY {folder} ./{folder}" in DOCKERFILE
        assert f"!{folder}" in let_through
    (copied,) = re.findall(r"^COPY (pyproject.toml .*) \./$", DOCKERFILE, re.MULTILINE)
    assert {f"!{name}" for name in copied.split()} <= set(let_through)
    assert "LICENSE" in copied.split()


def test_the_image_is_installed_like_everything_else() -> None:
    """The Dockerfile takes the uv that install.sh takes, and sets settings that exist."""
    script = (REPOSITORY / "deploy" / "install.sh").read_text(encoding="utf-8")
    (version,) = re.findall(r"^readonly UV_VERSION=(\S+)$", script, re.MULTILINE)
    assert f"uv=={version}" in DOCKERFILE
    assert set(re.findall(r"(WAYFOLD_\w+)=", DOCKERFILE)) <= {variable(name) for name, _ in fields()}
