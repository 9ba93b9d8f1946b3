"""The formats of exports, by their names in addresses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Separator and decimal sign of CSV for Excel: Excel expects those of the user's region."""

    separator: str = ""
    decimal: str = "."


@dataclass(frozen=True)
class Format:
    name: str
    suffix: str
    mime: str


FORMATS = {
    "csv": Format("CSV", ".csv", "text/csv; charset=utf-8"),
    "excel-csv": Format("CSV for Excel", ".csv", "text/csv; charset=utf-8"),
    "tsv": Format("TSV", ".tsv", "text/tab-separated-values; charset=utf-8"),
    "json": Format("JSON", ".json", "application/json"),
    "jsonl": Format("JSON Lines", ".jsonl", "application/x-ndjson"),
    "xlsx": Format("Excel", ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "parquet": Format("Parquet", ".parquet", "application/vnd.apache.parquet"),
}
