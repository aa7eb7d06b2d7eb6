"""Makes `benchmarks` importable, and nothing else of what lies beside it.

The top of the repository is not on the path in tests, so that nobody imports a bare `state` by mistake.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"

if "benchmarks" not in sys.modules:
    _spec = spec_from_file_location(
        "benchmarks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert _spec is not None
    sys.modules["benchmarks"] = module_from_spec(_spec)
