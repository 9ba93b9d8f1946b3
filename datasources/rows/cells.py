"""A value of the API as a table cell: safe HTML that shows exactly the text of the value.

Rendered by functions, not by templates: a template loop over 1,000 rows × 12 columns takes 43 to 60 ms, this 8.
`tables.py` puts the cells together.
"""

import re
import unicodedata
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from datasources.claro import NumberText, numbers
from datasources.copies import search
from datasources.copies.read import NestedText

# A cell shows this much of a text; the whole has an address of its own (views/rows.py).
CUT_AT = 120
# A longer text may be wider than its column, 16rem on phones, and is clipped (rows.css). So is one with characters that
# are not ASCII.
FITS = 18
LONG = " is-long"
# The bytes of the button of a cut cell: in a page that is too large, a text is cut only where that makes it shorter.
BUTTON_BYTES = 100
LINK_MAX = 2000
# Decimals of longer numbers are not aligned.
DECIMALS_MAX = 6
_DIGITS = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
# Marks in one cell; a text of one letter may hold a hundred matches of it.
MARKS_MAX = 20

_LINES = "\n\r\x0b\x0c\x85\u2028\u2029"
# Spaces that look like another one, or like nothing.
_SPACES = "\t\xa0\u1680\u2000-\u200a\u202f\u205f\u2800"
# Characters of no width that no script needs within its words.
_NOTHING = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f"
)
_NOTHING += "\u3164\ufeff\uffa0\ufff0-\ufffb"
# Those that some scripts and emoji need: shown as they are, unless a cell has nothing else.
_JOINERS = "\u061c\u200c-\u200f\u202a-\u202e\u2065-\u2069\ufe00-\ufe0f\U000e0000-\U000e0fff"
_BLANK = re.compile(f"[ \u3000{_LINES}{_SPACES}{_NOTHING}{_JOINERS}]+")
# The names of the groups are the classes in rows.css.
_MARKED = re.compile(
    f"(?P<nl>[{_LINES}]+)|(?P<ws>\\A[ \u3000{_SPACES}]+|[ \u3000{_SPACES}]+\\Z|[{_SPACES}]+)|(?P<zw>[{_NOTHING}]+)"
)
# Of all these, those that str.isprintable() lets through.
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAMES = {" ": "space", "\t": "tab", "\n": "line break", "\r": "carriage return", "\x0b": "vertical tab"}
# Most links are of this kind; the others are looked at more closely.
_QUOTED = re.compile("[&<>\"']")
_PLAIN_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:[/?#][!-~]*)?")
# Not characters, so that hardly a text holds them (https://www.unicode.org/faq/private_use.html, noncharacters).
_START, _STOP = "\ufdd0", "\ufdd1"
# Shown as a dash (column-choices.css), read out as "null".
NULL = '<td class="is-null">null</td>'
TRUE, FALSE = (f'<td class="is-bool">{word}</td>' for word in ("true", "false"))
EMPTY = '<td class="is-empty"><span>empty</span></td>'


def cell(value: object, cut_at: int = CUT_AT, row: int = 0, place: int = 0) -> str:
    """One `<td>` with a class for its type of value. `row` and `place` locate the full text of a truncated one."""
    return plain(value, cut_at) or other(value, cut_at, row, place)


def plain(value: object, cut_at: int = CUT_AT) -> str:
    """The `<td>` of a short, simple value, as most are; "" for others. Fast: no isinstance, no regular expression."""
    kind = type(value)
    if kind is str:
        if (
            0 < len(value) <= cut_at
            and value.isprintable()
            and "&" not in value
            and "<" not in value
            and ">" not in value
            and value[0] != " " != value[-1]
            and value[:4] != "http"
        ):
            if value.isascii():
                return f'<td class="is-text{LONG if len(value) > FITS else ""}">{value}</td>'
            return "" if _HIDDEN.search(value) else f'<td class="is-text{LONG}"><bdi>{value}</bdi></td>'
        return "" if value else EMPTY
    if value is None:
        return NULL
    if kind is bool:
        return TRUE if value else FALSE
    if kind is int or kind is float:
        text = str(value)
        return f'<td class="is-number">{text}</td>' if len(text) <= min(cut_at, FITS) else ""
    return ""


def decimals(value: object) -> int:
    """The digits behind the point of a number, DECIMALS_MAX at most; 0 for other values."""
    found = _DIGITS.fullmatch(str(value)) if is_number(value) else None
    return min(len(found[3] or ""), DECIMALS_MAX) if found else 0


def grouped(value: object, of: int, cut_at: int = CUT_AT) -> str:
    """The `<td>` of a number with its thousands apart, aligned with numbers of `of` decimals; "" for other values.

    Separators are no text (column-choices.css), so they are not copied.
    """
    found = _DIGITS.fullmatch(str(value)) if is_number(value) and not isinstance(value, bool) else None
    if not found or len(found[0]) > cut_at:
        return ""
    sign, digits, fraction = found[1], found[2], found[3] or ""
    start = len(digits) % 3 or 3
    parts = [digits[:start], *(digits[at : at + 3] for at in range(start, len(digits), 3))]
    missing = of - len(fraction)
    pad = f" {'d' if fraction else 'p'}{missing}" if missing > 0 else ""
    pad += LONG if len(found[0]) > FITS else ""
    end = f".{fraction}" if fraction else ""
    return f'<td class="is-number{pad}">{sign}{"<i></i>".join(parts)}{end}</td>'


def unmarked(value: object, cut_at: int, terms: Sequence[str]) -> str:
    """As `plain`, but "" also for a value in which any of the terms is found."""
    cell = plain(value, cut_at)
    return "" if cell and value not in (None, "") and search.marks(whole(value), terms) else cell


def other(value: object, cut_at: int, row: int, place: int, terms: Sequence[str] = ()) -> str:
    """The `<td>` of any value, with what is found of the terms in it marked."""
    if isinstance(value, str) and not isinstance(value, NestedText):
        return _text(value, cut_at, row, place, terms)
    if isinstance(value, bool):
        return f'<td class="is-bool">{_highlighted(whole(value), cut_at, terms)}</td>'
    if is_number(value):
        return _cut(str(value), "is-number", cut_at, row, place, terms)
    text = value if isinstance(value, NestedText) else numbers.shown(value)
    return _cut(text, "is-json", cut_at, row, place, terms)


def whole(value: object, *, is_compact: bool = False) -> str:
    """The whole text of a cell, nested values in several lines unless compact; "" for null."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if is_number(value) else numbers.shown(value, None if is_compact else 2)


def kind(value: object) -> str:
    """The class of a cell with this value."""
    if value is None:
        return "is-null"
    if isinstance(value, bool):
        return "is-bool"
    if is_number(value):
        return "is-number"
    if not isinstance(value, str):
        return "is-json"
    return "is-link" if is_link(value) else "is-text" if value else "is-empty"


def is_number(value: object) -> bool:
    """Whether a value of the API, no truth value, is a number."""
    return isinstance(value, int | float | NumberText)


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return not "!" <= text[:1] <= "~" and (not text or bool(_BLANK.fullmatch(text)))


def marked(text: str) -> str:
    """The text as HTML; invisible characters are kept in spans that rows.css marks."""
    html = escape(text, quote=False)
    is_seen = text.isascii() and text.isprintable() and text == text.strip()
    return html if is_seen else _MARKED.sub(_mark, html)


def escaped(text: str) -> str:
    """The text as HTML from which a parser gets the same text (https://html.spec.whatwg.org/#normalize-newlines)."""
    return escape(text, quote=False).replace("\r", "&#13;").replace("\x00", "\ufffd")


def _mark(found: re.Match[str]) -> str:
    text = found[0].replace("\r", "&#13;").replace("\x00", "\ufffd")
    return f'<span class="{found.lastgroup}">{text}</span>'


def _text(value: str, cut_at: int, row: int, place: int, terms: Sequence[str]) -> str:
    if is_link(value, LINK_MAX if cut_at == CUT_AT else cut_at):
        return _link(value, cut_at, terms)
    return _cut(value, "is-text", cut_at, row, place, terms)


def _link(value: str, cut_at: int, terms: Sequence[str]) -> str:
    shown = _highlighted(value, cut_at, terms) if terms or len(value) > cut_at else ""
    return f'<td class="is-link">{anchor(value, shown)}</td>'


def anchor(link: str, shown: str = "") -> str:
    """A link, for which `is_link` is true, to another site, as itself or as other HTML."""
    href = escape(link) if _QUOTED.search(link) else link
    shown = shown or href
    shown = shown if shown.isascii() else f"<bdi>{shown}</bdi>"
    return f'<a href="{href}" rel="noopener noreferrer nofollow" target="_blank">{shown}</a>'


def _highlighted(text: str, cut_at: int, terms: Sequence[str]) -> str:
    """The text as HTML, cut where it is long, with what is found of the terms marked.

    Where all of that is beyond the cut, the sign of the cut is marked.
    """
    shown = text if len(text) <= cut_at else text[: cut_at - 1]
    end = "" if shown is text else "…"
    found = search.marks(text, terms) if terms else []
    # The signs that stand for the tags while the text is escaped.
    if not found or _START in text or _STOP in text:
        return marked(shown + end)
    parts, at = [], 0
    for start, stop in found[:MARKS_MAX]:
        if start < len(shown):
            parts += [shown[at:start], _START, shown[start:stop], _STOP]
            at = stop
    parts += [shown[at:], end if parts else f"{_START}{end}{_STOP}"]
    return marked("".join(parts)).replace(_START, "<mark>").replace(_STOP, "</mark>")


def _cut(text: str, kind: str, cut_at: int, row: int, place: int, terms: Sequence[str]) -> str:
    """A cell that is cut where it is long, and opens whole where it is long or has several lines."""
    is_cut = len(text) > cut_at
    if is_blank(text):
        kind += " is-blank"
        shown = f'<span role="img" aria-label="{describe(text)}">{escaped(text[:cut_at])}</span>'
    else:
        if is_cut and cut_at < CUT_AT and len(text) <= cut_at + BUTTON_BYTES:
            is_cut = len(marked(text)) > cut_at + BUTTON_BYTES
        shown = _highlighted(text, cut_at if is_cut else len(text), terms)
    shown = shown if shown.isascii() else f"<bdi>{shown}</bdi>"
    if len(text) > FITS or not text.isascii():
        kind += LONG
    if not is_cut and "\n" not in text:
        return f'<td class="{kind}">{shown}</td>'
    return (
        f'<td class="{kind} {"is-cut" if is_cut else "is-lines"}"><button class="cell-more" form="cell" name="at" '
        f'value="{row}.{place}">{shown}</button></td>'
    )


def describe(text: str) -> str:
    """Words for a text of which nothing can be seen: `3 spaces`, `zero width space`."""
    text = text.replace("\r\n", "\n")
    if len(set(text)) > 1:
        return f"{len(text):,} invisible characters"
    name = _NAMES.get(text[0]) or unicodedata.name(text[0], "").lower() or f"U+{ord(text[0]):04X}"
    return name if len(text) == 1 else f"{len(text):,} {name}s"


def is_link(text: str, longest: int = LINK_MAX) -> bool:
    """A whole, plain http(s) address: with a host, without white space, control characters, name or password."""
    if not (text[:4] == "http" and text.startswith(("http://", "https://")) and len(text) <= longest):
        return False
    if len(text) <= LINK_MAX and _PLAIN_LINK.fullmatch(text):
        return True
    if not text.isprintable() or " " in text or len(text) > LINK_MAX:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc
