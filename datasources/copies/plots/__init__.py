"""Plots of a copy: rows grouped by one or two columns, with the filter that finds the rows of each group."""
