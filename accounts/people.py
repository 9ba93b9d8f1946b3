"""How people are named: by the name that they gave, else by their e-mail address. Every page and mail names them here.

A name is not unique, and its owner chooses it. Where a choice depends on who it is, use `with_address`.
"""

import re
import unicodedata

from django import forms
from django.core.exceptions import ValidationError
from django.dispatch import Signal

from accounts.models import User
from core.forms import NameField
from core.text import require_one_line, visible

# Letters that show nothing, and format characters other than the joiners that some scripts need inside a word.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
_JOINERS = frozenset("\u200c\u200d")
_UNSEEN = {"Cf", "Co", "Cn"}
# An address of a page or a mailbox as a name is a trap, and mail programs turn it into a link.
_ADDRESS = re.compile(r"[@＠/\\<>]|\w{2,}\.\w{2,}")
MOST_MARKS = 4

# Sent with `user` and the name `before`.
name_changed = Signal()


def require_name(text: str) -> None:
    """Raises ValidationError for a name that hides something, covers its surroundings or shows as an address."""
    require_one_line(text)
    signs = [sign for sign in text if sign not in _JOINERS]
    if any(sign in _BLANK or unicodedata.category(sign) in _UNSEEN for sign in signs):
        raise ValidationError("Use letters, numbers, spaces and punctuation, without invisible characters.")
    if not any(sign.isalnum() for sign in signs):
        raise ValidationError("Use at least one letter or number.")
    kinds = "".join(unicodedata.category(sign)[0] for sign in text)
    if "M" * (MOST_MARKS + 1) in kinds:
        raise ValidationError("Use fewer accents on one letter.")
    if _ADDRESS.search(text):
        raise ValidationError("A name can't contain an e-mail or web address.")


class PersonNameField(NameField):
    """The optional name of a person: one line, with single spaces and accents as a keyboard types them."""

    default_validators = [require_name]

    def __init__(self, **kwargs):
        widget = forms.TextInput(attrs={"autocomplete": "name", "data-typed": True})
        kwargs = {"label": "Name", "required": False, "widget": widget, **kwargs}
        super().__init__(**kwargs)

    def to_python(self, value: object) -> str:
        # Of spaces only: line breaks and tabs are refused.
        return re.sub(
            r"[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+", " ", unicodedata.normalize("NFC", super().to_python(value))
        )


def rename(user: User, name: str) -> None:
    """Stores the name, as PersonNameField returns it."""
    before = user.name
    if name != before:
        user.name = name
        user.save(update_fields=["name"])
        name_changed.send(User, user=user, before=before)


def name_of(user: User | None) -> str:
    """The user's name, or the address where there is none; empty for an account that is gone."""
    return (visible(user.name) or user.email) if user else ""


def with_address(user: User | None) -> str:
    """The same with the address in brackets."""
    return f"{visible(user.name)} ({user.email})" if user and user.name else name_of(user)


def initials(user: User) -> str:
    """Capitals of the first and the last word of the name or the address; one where there is a single word."""
    text = user.name or re.sub(r"[._+-]+", " ", user.email.partition("@")[0])
    firsts = [found[0].upper()[0] for found in re.findall(r"[^\W_]+", text)]
    return "".join(firsts[:1] + firsts[1:][-1:])
