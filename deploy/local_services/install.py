"""Installs what Kafka and Redis need: Java, Maven and redis-server from Debian, Kafka's jars from Maven.

Every function is safe to repeat: what is there already is used as it is and nothing is downloaded.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_services.process import ServiceError

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES_FOLDER = REPOSITORY / ".services"
KAFKA_POM = Path(__file__).with_name("kafka-jars.xml")
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
LEAST_JAVA = 17
ATTEMPTS = 3


def install_services() -> None:
    """Make Kafka and Redis startable on this machine.

    Raises:
        ServiceError: something is missing and could not be installed; the message says what to do.
    """
    kafka_jars()
    java_command()
    redis_command()


def kafka_version() -> str:
    """The Kafka version that is pinned in kafka-jars.xml."""
    found = re.search(r"kafka_2\.13</artifactId>\s*<version>([^<]+)<", KAFKA_POM.read_text(encoding="utf-8"))
    if found is None:
        raise ServiceError(f"{KAFKA_POM} names no version of kafka_2.13: it is damaged, restore it from git.")
    return found[1]


def kafka_jars() -> Path:
    """The folder that holds Kafka's jars, downloaded by Maven on the first call."""
    folder = SERVICES_FOLDER / f"kafka-{kafka_version()}"
    if folder.is_dir():
        return folder
    with _only_one_installer():
        if folder.is_dir():
            return folder
        _need_command("mvn", "maven")
        java_command()
        with filling(folder) as partial:
            options = ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
            _run(
                ["mvn", "-q", "-B", "-f", str(KAFKA_POM), COPY_DEPENDENCIES, *options],
                "Kafka could not be downloaded by Maven",
            )
    return folder


def prepared_start_folder() -> Path:
    """Where what lets brokers start sooner is kept."""
    return SERVICES_FOLDER / f"kafka-{kafka_version()}-start"


def prepared_start() -> Path | None:
    """The folder with what lets brokers start sooner, once it is there."""
    folder = prepared_start_folder()
    return folder if folder.is_dir() else None


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its place when it is complete, unless another was sooner."""
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=SERVICES_FOLDER))
    try:
        yield partial
        partial.chmod(0o755)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def java_command() -> str:
    """The path of a Java runtime that can run the broker, installed when there is none."""
    java = _need_command("java", "default-jre-headless")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < LEAST_JAVA:
        raise ServiceError(
            f"Kafka needs Java {LEAST_JAVA} or newer, but {java} is: {told.strip() or 'not Java'}"
        )
    return java


def redis_command() -> str:
    """The path of redis-server, installed when there is none."""
    return _need_command("redis-server", "redis-server")


def _need_command(command: str, package: str) -> str:
    """The path of `command`; Debian's `package` is installed when the command is missing and we are root."""
    path = shutil.which(command)
    if path is not None:
        return path
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise ServiceError(
            f"`{command}` is missing: install it (Debian, Ubuntu: sudo apt-get install {package}), or start "
            "Docker, or name running servers in WAYFOLD_TEST_KAFKA and WAYFOLD_TEST_REDIS."
        )
    _run(["apt-get", "update", "-q"], "Debian's package lists could not be read")
    _run(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "Acquire::Retries=3", package],
        f"Debian's package {package} could not be installed",
    )
    path = shutil.which(command)
    if path is None:
        raise ServiceError(f"Debian's package {package} was installed, but it brought no `{command}`.")
    return path


def _run(command: list[str], failure: str) -> None:
    """Run an installing command, again when it fails, because networks do."""
    # RUNLEVEL=1 keeps a package's own service from starting: only the servers that we start should run.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    output = ""
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        output = done.stdout
    raise ServiceError(
        f"{failure}: `{' '.join(command)}` failed {ATTEMPTS} times, the last time with:\n{output}"
    )


@contextmanager
def _only_one_installer() -> Iterator[None]:
    """Hold a lock on the services folder, so that two test runs do not download at once."""
    SERVICES_FOLDER.mkdir(exist_ok=True)
    with (SERVICES_FOLDER / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
