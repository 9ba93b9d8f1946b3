"""Text that people type."""

import unicodedata

from django.core.exceptions import ValidationError

# Control characters, ends of lines and paragraphs, halves of characters.
UNFIT = {"Cc", "Zl", "Zp", "Cs"}
# They make text run the other way, so that a name shows as another one.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def require_one_line(text: str) -> None:
    """Raises ValidationError for a name that holds line breaks, control characters or marks that reorder text."""
    if any(unicodedata.category(sign) in UNFIT or sign in TURNING for sign in text):
        raise ValidationError("Use one line of text, without line breaks or invisible control characters.")


def require_text(text: str) -> None:
    """The same for text of several lines."""
    require_one_line(text.translate({ord(sign): None for sign in "\r\n\t"}))
