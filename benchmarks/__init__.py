"""Measured, never asserted: `make bench` prints what docs/reference/benchmarks.md keeps."""
