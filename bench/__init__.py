"""Measures the figures of docs/performance.md: `make bench`, or `python -m bench lists rows` for some of them."""
