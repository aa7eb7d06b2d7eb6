"""Tests of the benchmarks: that they measure what they say, not how fast."""
