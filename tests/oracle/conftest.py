"""Every story of the contract is told to each program that must know it."""

import pytest

from tests.oracle.programs import PROGRAMS, Ask


@pytest.fixture(params=sorted(PROGRAMS))
def ask(request: pytest.FixtureRequest) -> Ask:
    """One of the programs."""
    return PROGRAMS[request.param]
