"""The kind of a file by its name and its content, and its text in its encoding."""

import codecs
import re
from enum import StrEnum
from pathlib import PurePosixPath

from datasources.uploads.checks.sample import Sample


class Kind(StrEnum):
    CSV = "CSV"
    TSV = "TSV"
    JSON = "JSON"
    JSONL = "JSONL"
    PDF = "PDF"
    TEXT = "Text"


class Refused(Exception):
    """Claro can't use the file. The argument is a sentence for people, which states the way out."""


CONTENT_TYPES = {
    Kind.CSV: "text/csv",
    Kind.TSV: "text/tab-separated-values",
    Kind.JSON: "application/json",
    Kind.JSONL: "application/x-ndjson",
    Kind.PDF: "application/pdf",
    Kind.TEXT: "text/plain",
}
_BY_SUFFIX = {
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".json": Kind.JSON,
    ".jsonl": Kind.JSONL,
    ".ndjson": Kind.JSONL,
    ".pdf": Kind.PDF,
    ".txt": Kind.TEXT,
}
_AS_UTF_8 = "Save it as “CSV UTF-8” and upload that file."
_UNPACK = "Unpack it and upload the files in it."
_SIGNATURES = (
    (rb"PK\x03\x04.*(?:xl/|spreadsheet)", f"This is a spreadsheet. {_AS_UTF_8}"),
    (rb"PK\x03\x04.*(?:word/|opendocument\.text)", "This is a text document. Save it as PDF or plain text."),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"This is a file of an old Office format. {_AS_UTF_8}"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh\d|\xfd7zXZ|\x28\xb5\x2f\xfd", f"This is an archive. {_UNPACK}"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*", "This is an image. Claro reads tables, PDF and text."),
    (rb"PAR1|SQLite format 3\0|ORC", f"This is a database file. Export it as a table. {_AS_UTF_8}"),
)
_BINARY = [(re.compile(signature, re.DOTALL), sentence) for signature, sentence in _SIGNATURES]
# UTF-32 first: its mark in little-endian order begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_FALLBACK = "Windows-1252"
_MARKUP = re.compile(r"\s*<(?:!doctype|html|head|body|table|\?xml|!--)", re.IGNORECASE)


def kind_of(name: str, sample: Sample) -> Kind | None:
    """The kind; None if the suffix of the name is unknown and the content is text. Raises Refused."""
    named = _BY_SUFFIX.get(PurePosixPath(name.lower()).suffix)
    if not sample.head.strip():
        raise Refused("The file is empty.")
    if named is Kind.PDF and b"%PDF-" in sample.head[:1024]:
        return named
    if sample.head.startswith(b"%PDF-"):
        raise Refused("The content is a PDF. Give it a name that ends in .pdf.")
    for signature, sentence in _BINARY:
        if signature.match(sample.head):
            raise Refused(sentence)
    if named is Kind.PDF:
        raise Refused("The name ends in .pdf, but the content is not a PDF. Export it as PDF again.")
    return named


def text_of(sample: Sample) -> tuple[str, str]:
    """The text of the head, and its encoding as people name it. Raises Refused for a file without text."""
    head = sample.head
    marked = next(((codec, name) for mark, codec, name in _MARKS if head.startswith(mark)), None)
    if not marked and b"\0" in head:
        raise Refused(f"The file holds binary data, not text. {_AS_UTF_8}")
    codec, encoding = marked or (("utf-8", "UTF-8") if sample.is_utf8 else ("cp1252", _FALLBACK))
    # The end of the head may cut a character.
    text = head.decode(codec, "replace").rstrip("\ufffd")
    if not text.strip():
        raise Refused("The file is empty.")
    return text, encoding


def is_fallback(encoding: str) -> bool:
    """Whether the encoding is a guess, because the bytes are not those of Unicode."""
    return encoding == _FALLBACK


def refuse_markup(text: str) -> None:
    if _MARKUP.match(text):
        raise Refused(f"The file is a web page or XML, not a table. Open it in a spreadsheet. {_AS_UTF_8}")
