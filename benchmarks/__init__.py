"""Measured, never asserted: `make bench` prints what docs/benchmarks.md keeps."""
