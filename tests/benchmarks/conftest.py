"""Tests here import `benchmarks`."""

import tests.benchmarks.importable  # noqa: F401
