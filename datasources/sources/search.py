"""A search in the list: words of a file's name in any order, or the beginning of its id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from django.db.models import Expression, F, Q, TextField, UUIDField, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from core.folding import searched, words_of
from core.queries import Slot
from datasources.models import Source

# Fewer digits than this would match ids by chance.
ID_MIN = 4


@dataclass(frozen=True)
class Search:
    """The text of a search, as words and perhaps an id; without words, everything is found."""

    words: tuple[str, ...] = ()
    # The first hexadecimal digits of an id, or "".
    id_start: str = ""

    @property
    def shape(self) -> tuple[int, bool]:
        """The number of words, and whether they may be an id: its SQL depends on them."""
        return len(self.words), bool(self.id_start)

    @property
    def values(self) -> dict[str, Any]:
        """The values of the slots of `condition_slots`."""
        first, last = (UUID(self.id_start.ljust(32, sign)) for sign in "0f")
        return {f"word{place}": word for place, word in enumerate(self.words)} | {"id_first": first, "id_last": last}

    def length_in_id(self, source: Source) -> int:
        """How many characters of the source's id are the search; 0 where it does not begin with it."""
        digits = self.id_start
        if not digits or not source.datasource_id.hex.startswith(digits):
            return 0
        # Hyphens stand after 8, 12, 16 and 20 digits.
        return len(digits) + sum(len(digits) > place for place in (8, 12, 16, 20))


def search(text: str) -> Search:
    """The search for what a user typed."""
    return Search(words_of(text, searched), _id_start(text.strip().lower()))


def _id_start(text: str) -> str:
    """The digits of an id or of its beginning, with or without hyphens; "" for other texts."""
    digits = text.replace("-", "")
    if not re.fullmatch(rf"[0-9a-f]{{{ID_MIN},32}}", digits):
        return ""
    return digits if text in (digits, str(UUID(digits.ljust(32, "0")))[: len(text)]) else ""


def condition(text: str) -> Q:
    """The condition that a source has all words of the text in its name, or an id that begins like this."""
    asked = search(text)
    values = asked.values
    return _condition([Value(word) for word in asked.words], asked.id_start and [values["id_first"], values["id_last"]])


@lru_cache(maxsize=64)
def condition_slots(words: int, may_be_id: bool) -> Q:
    """The same with slots, for a search of this shape."""
    id_range = [Slot(name, UUIDField()) for name in ("id_first", "id_last")]
    return _condition([Slot(f"word{place}", TextField()) for place in range(words)], may_be_id and id_range)


def _condition(words: Sequence[Expression], id_range: Sequence[object] | Literal["", False]) -> Q:
    found = Q(*(GreaterThan(StrIndex(F("folded_name"), word), 0) for word in words))
    return found | Q(datasource_id__range=id_range) if id_range else found
