"""Text that people type."""

import unicodedata

from django.core.exceptions import ValidationError

# Control characters, ends of lines and paragraphs, halves of characters.
UNFIT = {"Cc", "Zl", "Zp", "Cs"}
# They make text run the other way, so that a name shows as another one.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# In names, which people decide by: characters that reorder or hide their surroundings (Unicode TR9), and NUL.
_TRAPS = dict.fromkeys((0, *range(8234, 8239), *range(8294, 8298), 8206, 8207, 1564), "�")


def require_one_line(text: str) -> None:
    """Raises ValidationError for a name that holds line breaks, control characters or marks that reorder text."""
    if any(unicodedata.category(sign) in UNFIT or sign in TURNING for sign in text):
        raise ValidationError("Use one line of text, without line breaks or invisible control characters.")


def require_text(text: str) -> None:
    """The same for text of several lines."""
    require_one_line(text.translate({ord(sign): None for sign in "\r\n\t"}))


def visible(text: str) -> str:
    """Text without characters that reorder or hide the surrounding text."""
    return text.translate(_TRAPS)


# A spreadsheet takes a cell that begins like this for a formula (OWASP, CSV injection), the wide signs too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def no_formula(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def typeable(name: str) -> str:
    """The normal form of a name as a keyboard types it: an é is one character here and two on a Mac's disk."""
    # The sign of replacement stands for what a keyboard has no key for (visible, claro.types.storable).
    kept = (sign for sign in name if sign.isprintable() and not sign.isspace() and sign != "\N{REPLACEMENT CHARACTER}")
    return unicodedata.normalize("NFC", "".join(kept))
