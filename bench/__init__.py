"""Measures what docs/performance.md tells: `make bench`, or `python -m bench lists rows` for some of it."""
