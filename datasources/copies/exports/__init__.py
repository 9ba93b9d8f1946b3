"""Files of rows from a whole-table copy (docs/copies.md, Exports)."""
