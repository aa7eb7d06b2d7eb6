"""What docs/store.md says of refusals, files and places is what the code has."""

from pathlib import Path

import pytest

from wayfold.state.snapshots.errors import SnapshotProblem
from wayfold.state.snapshots.manifest import file_object, latest_object, manifest_object
from wayfold.state.store.errors import StoreProblem
from wayfold.state.store.identity import IDENTITY_FILE
from wayfold.state.store.mark import MARK_FILE
from wayfold.state.store.options import DEFAULT_LIMIT_BYTES

TEXT = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "problems"),
    [("## When a store is refused", StoreProblem), ("And those of `SnapshotProblem`", SnapshotProblem)],
)
def test_every_problem_is_in_its_table(
    heading: str, problems: type[StoreProblem] | type[SnapshotProblem]
) -> None:
    """Each reason to refuse a store or a snapshot has its row with what to do, and no row is left over."""
    table = TEXT.partition(heading)[2].partition("| problem |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1].strip(" `") for line in table.splitlines()[2:]]
    assert sorted(rows) == sorted(problems)


def test_names_and_limits_are_those_of_the_code() -> None:
    """Files, objects and the default limit are documented under the names and numbers that they have."""
    sha256 = "<sha-256>"
    names = [
        IDENTITY_FILE,
        MARK_FILE,
        file_object(3, sha256),
        manifest_object(3, "<name>"),
        latest_object(3),
        f"{DEFAULT_LIMIT_BYTES // 1024**2} MiB unless set",
    ]
    assert [name for name in names if name not in TEXT] == []
