"""What a user installs: the wheel, built the long way round from the source distribution."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from hatch_build import PageIsThere
from local_services import wait_until
from tests.agents.embedded.running import running_host
from tests.packaging.sources import PACKAGES, REPOSITORY, python_files

PAGE = REPOSITORY / "exporters" / "dashboard"
STATIC = PAGE / "static"

# Run where the bare names could be imported, so that a bare import would succeed and be seen.
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import wayfold
for module in pkgutil.walk_packages(wayfold.__path__, "wayfold."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
print("\\n".join(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def unpacked_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built; `make page` says why")
    folder = tmp_path_factory.mktemp("sdist")
    done = _build("sdist", REPOSITORY, folder)
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(archive, folder)
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    return source


@pytest.fixture(scope="module")
def wheel(unpacked_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    done = _build("wheel", unpacked_source, folder)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path) -> None:
    """The wheel, built from the source distribution, holds every module of the four folders and of src."""
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert {name for name in names if name.endswith(".py")} == _modules()
    assert {"wayfold/py.typed", *_other_files()} <= names
    assert {name.split("/")[0] for name in names} == {"wayfold"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_holds_the_page_as_it_was_built(wheel: Path) -> None:
    """The wheel has the built page, its compressed copies and licences, and nothing that it is made from."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    below = "wayfold/exporters/dashboard/static/"
    held = {name.removeprefix(below) for name in names if name.startswith(below)}
    assert held == {str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()}
    assert {"index.html", "THIRD_PARTY.txt", "icon.svg"} <= held
    scripts = {name for name in held if re.fullmatch(r"assets/[\w-]+-[\w-]{8}\.js", name)}
    assert scripts
    assert {f"{name}{ending}" for name in scripts for ending in (".br", ".gz")} <= held
    assert not [name for name in names if "/dashboard/page/" in name or "node_modules" in name]


def test_the_built_document_can_be_served_anywhere(wheel: Path) -> None:
    """Every script and style of the document has the nonce's place, and every address in it is relative."""
    with zipfile.ZipFile(wheel) as opened:
        document = opened.read("wayfold/exporters/dashboard/static/index.html").decode()
    loading = re.findall(r'<(?:script|style|link rel="(?:stylesheet|modulepreload)")[^>]*>', document)
    assert loading
    assert all('nonce="__CSP_NONCE__"' in tag for tag in loading)
    assert not re.findall(r'(?:src|href)="(?!\./)[^"]*"', document)


def test_nothing_is_built_for_users_without_the_page(unpacked_source: Path, tmp_path: Path) -> None:
    """Without the page wheel and source distribution are refused with what to run; editable is not."""
    source = shutil.copytree(unpacked_source, tmp_path / "source", ignore=shutil.ignore_patterns("static"))
    for target in ("wheel", "sdist"):
        done = _build(target, source, tmp_path / "built")
        assert done.returncode != 0
        assert "Run `make page` first" in done.stderr
    nothing: Any = None
    PageIsThere(str(source), {}, nothing, nothing, "", "wheel").initialize("editable", {})


def test_the_source_distribution_holds_the_page_and_what_it_is_made_from(unpacked_source: Path) -> None:
    """The source distribution has the page as source and as it was built, but none of npm's packages."""
    page = unpacked_source / "exporters" / "dashboard"
    assert (page / "static" / "index.html").is_file()
    assert (page / "page" / "package-lock.json").is_file()
    assert not list(unpacked_source.rglob("node_modules"))
    assert not list(unpacked_source.rglob("generated"))


def test_the_licence_goes_with_everything(unpacked_source: Path, wheel: Path) -> None:
    """Source distribution and wheel hold the text of the licence, and their metadata name it."""
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert (unpacked_source / "LICENSE").read_text(encoding="utf-8") == text
    with zipfile.ZipFile(wheel) as opened:
        (licence,) = (name for name in opened.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        (metadata,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        assert opened.read(licence).decode() == text
        assert "License-Expression: Apache-2.0\n" in opened.read(metadata).decode()


def test_the_wheel_runs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """With the wheel and its dependencies alone, `wayfold run` counts an event and serves the page."""
    environment = tmp_path / "environment"
    locked = tmp_path / "locked.txt"
    exported = ("--no-dev", "--no-emit-project", "--no-hashes", "--frozen", "--output-file", str(locked))
    _uv("export", *exported, "--project", str(REPOSITORY))
    _uv("venv", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    _uv("pip", "install", "--python", str(python), "--constraints", str(locked), str(wheel))
    event = {
        "type": "journey.entered",
        "event_id": "e-1",
        "occurred_at": "2026-11-01T12:00:00Z",
        "user_id": "ada",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n-1",
    }
    with running_host(tmp_path / "data", [str(environment / "bin" / "wayfold")]) as host:
        assert httpx.post(f"{host.url}/v1/events", json=event).status_code == 202

        def is_counted() -> bool:
            journeys = httpx.get(f"{host.url}/v1/numbers").json()["journeys"]
            return [journey["numbers"]["total_entries"] for journey in journeys] == [1]

        wait_until(is_counted, seconds=30, what="the event is counted")
        page = httpx.get(f"{host.url}/")
        assert page.status_code == 200
        (script,) = re.findall(r'<script [^>]*src="\./(assets/[^"]+)"', page.text)
        assert httpx.get(f"{host.url}/{script}").headers["content-encoding"] in {"br", "gzip"}


def test_the_source_distribution_can_be_tested_and_deployed(unpacked_source: Path) -> None:
    """The source distribution has the tests, what deployment needs, the documents and the Makefile."""
    for name in ("tests", "deploy", "docs", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"):
        assert (unpacked_source / name).exists(), name


def test_no_bare_name_is_taken() -> None:
    """Importing all of Wayfold puts none of the bare folder names into sys.modules."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert "wayfold.state" in modules
    assert modules.isdisjoint(PACKAGES)


def _uv(*arguments: str) -> None:
    """Run uv, which takes from its cache what it installed here before."""
    uv = str(Path(sys.executable).with_name("uv"))
    done = subprocess.run([uv, *arguments], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _build(target: str, source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Build in this environment, without a network."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(output)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )


def _other_files() -> set[str]:
    """What the code reads beside its modules, as scripts and templates."""
    return {
        f"wayfold/{path.relative_to(REPOSITORY)}"
        for folder in PACKAGES
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")
        if not path.is_relative_to(PAGE / "page")
    }


def _modules() -> set[str]:
    modules = set()
    for path in python_files():
        name = path.relative_to(REPOSITORY)
        if name.parts[0] in PACKAGES:
            modules.add(f"wayfold/{name}")
        elif name.parts[0] == "src":
            modules.add(str(name.relative_to("src")))
    return modules
