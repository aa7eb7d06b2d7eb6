"""Tests of the documents; some are made from what `benchmarks` keeps, which has to be importable."""

import tests.benchmarks.importable  # noqa: F401
