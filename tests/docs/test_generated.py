"""Documents that are made from code say what the code says."""

from tests.docs.generated import stale


def test_no_generated_document_is_stale() -> None:
    """Every document that `make docs` writes is in the repository as the code would write it now."""
    assert stale() == [], "run `make docs`"
