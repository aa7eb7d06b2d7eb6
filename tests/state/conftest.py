"""What the tests of the store share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def scratch_root() -> Iterator[Path]:
    """Give a directory in memory where there is one: stores sync whenever they are opened and closed."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as directory:
        yield Path(directory)


@pytest.fixture
def scratch(scratch_root: Path) -> Path:
    """Give an empty directory of the test's own."""
    return Path(tempfile.mkdtemp(dir=scratch_root))
