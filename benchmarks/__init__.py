"""Benchmarks, which measure and assert nothing: `make bench` prints the tables of docs/reference/benchmarks.md."""
