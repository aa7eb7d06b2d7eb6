"""The commands that the README and the Makefile promise."""

import re
import subprocess

from tests.packaging.sources import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_make_alone_prints_a_line_for_every_target() -> None:
    """`make` without a target lists the targets that have a comment, which are all but inner steps."""
    printed = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^ {2}make ([a-z-]+) +\S", printed, re.MULTILINE))
    assert listed == TARGETS - {"services-installed"}


def test_every_target_is_phony() -> None:
    """No target can be shadowed by a file or folder of its name, as docs/ and tests/ would."""
    assert set(re.findall(r"^\.PHONY: ([a-z-]+)$", MAKEFILE, re.MULTILINE)) == TARGETS


def test_the_readme_names_targets_that_exist() -> None:
    """Every `make` command in the README is a target of the Makefile, the two main ones among them."""
    named = set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) | set(
        re.findall(r"`make ([a-z-]+)`", README)
    )
    assert {"run", "test"} <= named
    assert named <= TARGETS


def test_continuous_integration_runs_the_readme_commands() -> None:
    """What CI runs is the README's test command, the checks, and every suite that is too slow for these."""
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert {"page", "check", "test", "coverage", "properties", "chaos-short"} <= set(
        re.findall(r"\bmake ([a-z-]+)", script)
    )
    assert "uv lock --check" in script
