"""A run in CI cannot pass by skipping."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.sources import REPOSITORY

SKIPPING = '''
import pytest

@pytest.mark.skip(reason="no such server")
def test_skipped() -> None:
    """Never runs."""
'''


@pytest.mark.parametrize(("ci", "closing"), [("true", "1 error"), ("", "1 skipped")])
def test_a_skipped_test_fails_in_ci_and_only_there(tmp_path: Path, ci: str, closing: str) -> None:
    """With CI=true a skip is an error that names its reason, elsewhere it is a skip."""
    (tmp_path / "test_it.py").write_text(SKIPPING)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-rs",
            str(tmp_path),
            f"--rootdir={tmp_path}",
        ],
        cwd=REPOSITORY,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(REPOSITORY / "deploy")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in done.stdout, done.stdout + done.stderr
    assert "no such server" in done.stdout
