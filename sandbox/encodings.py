"""Bytes as text, in the encodings that spreadsheets write. A file without readable text fails with the way out."""

import codecs
import re


class Unreadable(Exception):
    """The file can't be turned into a table; the text is for people."""


AS_UTF_8 = "Save it as “CSV UTF-8” and upload it again."
_AS_TEXT = "Save it as plain text (.txt) and upload it again."
# UTF-32 first: its mark in little-endian order begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_BINARY = (
    (re.compile(rb"PK\x03\x04.*xl/workbook", re.DOTALL), "an Excel workbook", AS_UTF_8),
    (re.compile(rb"PK\x03\x04.*opendocument\.spreadsheet", re.DOTALL), "an OpenDocument spreadsheet", AS_UTF_8),
    (re.compile(rb"PK\x03\x04.*word/document", re.DOTALL), "a document of a word processor", _AS_TEXT),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Excel workbook of the old format", AS_UTF_8),
    (
        re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh\d|\xfd7zXZ|\x28\xb5\x2f\xfd"),
        "an archive",
        "Unpack it and upload its files.",
    ),
    (re.compile(rb"%PDF-"), "a PDF", "Name it .pdf and upload it again."),
    (re.compile(rb"PAR1"), "a Parquet file", AS_UTF_8),
    (re.compile(rb"\{\\rtf"), "a document of a word processor", _AS_TEXT),
    (re.compile(rb"ID;P[A-Z]+(?:;[A-Z])*\r?\n[BCFOP];[A-Z]"), "a spreadsheet in SYLK format", AS_UTF_8),
    (re.compile(rb"TABLE\r?\n0,1\r?\n"), "a spreadsheet in DIF format", AS_UTF_8),
)
_CONTROLS = bytes([*range(1, 9), *range(14, 27), 28, 29, 127])
_UNPRINTABLE = re.compile("[\0-\x08\x0e-\x1a\x7f\ufffe\uffff]")
# Words of other alphabets in single or double bytes (Cyrillic, Greek, Chinese, Korean; Japanese kana). In Western
# languages letters with accents never stand so close.
_OTHER_ALPHABETS = re.compile(rb"[\xa1-\xff]{4,}|(?:\x82[\x9f-\xf1]|\x83[\x40-\x96]){3,}")
# Accented letters of DOS and old Macs, in whose places Windows-1252 has signs and capitals; and of Polish (ą, ł and ż,
# for which it has ¹, ³ and ¿).
_OTHER_LATIN = re.compile(rb"[A-Za-z][\x80-\x84\x86-\x90\x98\x9d\x9f\xb3\xb9\xbf][a-z]")
_HIGH = bytes(range(0x80, 0x100))
_CP1252 = {byte: bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)}


def decoded(data: bytes) -> str:
    """UTF-8, UTF-16 or UTF-32 with or without a byte order mark, else Windows-1252. Raises Unreadable."""
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _marked(data, codec, name)
    data = data.removesuffix(b"\x1a")  # the end of a file on DOS
    _refuse_binary(data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _wide(data) if b"\0" in data else _windows_1252(data)
    if "\0" not in text:
        return text
    if not _is_wide(data):
        raise Unreadable(f"The file holds NUL characters, which are no text. {AS_UTF_8}")
    return _wide(data)


def _marked(data: bytes, codec: str, name: str) -> str:
    try:
        return data.decode(codec).lstrip("\ufeff")
    except UnicodeDecodeError:
        raise Unreadable(f"The file is marked as {name}, but it is damaged or only partly {name}. {AS_UTF_8}") from None


def _refuse_binary(data: bytes) -> None:
    for pattern, name, way_out in _BINARY:
        if pattern.match(data):
            raise Unreadable(f"The file is {name}. {way_out}")
    if len(data) - len(data.translate(None, _CONTROLS)) > len(data) // 20:
        raise _binary()


def _is_wide(data: bytes) -> bool:
    """Whether zero bytes belong to UTF-16 or UTF-32: they are many, or on one side of all characters, line ends too."""
    zeros, even, ends = data.count(0), data[::2].count(0), data.count(b"\n\0") + data.count(b"\0\n")
    are_aligned = max(even, zeros - even) >= zeros * 0.95 and ends >= data.count(b"\n")
    return zeros >= len(data) * 0.2 or are_aligned


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark. The zero bytes of Latin text tell the byte order of UTF-16."""
    little = data[1::2].count(0) >= data[::2].count(0)
    for codec in ("utf-32-le", "utf-32-be", "utf-16-le" if little else "utf-16-be"):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if not _UNPRINTABLE.search(text):
            return text
    raise _binary()


def _windows_1252(data: bytes) -> str:
    """Its five unused bytes stand for themselves. Any bytes would do, so other encodings are looked for first."""
    lines = [line for line in re.split(rb"[\r\n]+", data) if not line.isascii()]
    if any(map(_is_utf_8, lines)):
        raise Unreadable(f"The file mixes encodings: some lines are UTF-8, others are not. {AS_UTF_8}")
    high = len(data) - len(data.translate(None, _HIGH))
    foreign = sum(len(found[0]) for found in _OTHER_ALPHABETS.finditer(data))
    if foreign * 3 > high or _OTHER_LATIN.search(data):
        raise Unreadable(f"The encoding of the file is neither UTF-8 nor Windows-1252. {AS_UTF_8}")
    return "".join(_CP1252[byte] for byte in data)


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _binary() -> Unreadable:
    return Unreadable(
        "The file is neither text nor a PDF. Save it as CSV, JSON, plain text or PDF and upload it again."
    )
