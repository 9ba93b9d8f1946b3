"""Differences between two whole-table copies: of two sources, or of two versions of one (docs/compare.md)."""
