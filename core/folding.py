"""Names without case and accents: finding words in them, and marking what was found."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

# Between words; each is as good as another.
_SEPARATORS = re.compile(r"[-_.\s]+")
_NUMBER = re.compile(r"\d+")
_BEGINS = "\x02"


def folded(text: str) -> str:
    """The text without accents and upper case, as it is compared. It may be longer or shorter."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def searched(text: str) -> str:
    """The folded text with a sign before each number, so that a number is found from its first digit on only."""
    return _NUMBER.sub(_BEGINS + r"\g<0>", folded(text))


def words_of(text: str, fold: Callable[[str], str] = folded) -> tuple[str, ...]:
    """The words of a search, the longest first, without those that are part of another."""
    kept: list[str] = []
    for word in sorted(set(_SEPARATORS.split(fold(text))) - {""}, key=lambda word: (-len(word), word)):
        if not any(word in longer for longer in kept):
            kept.append(word)
    return tuple(kept)


def marks(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Start and end of each part of the text that matches a word of `searched`, in order and without overlaps."""
    plain, places = _with_places(text)
    ranges: list[tuple[int, int]] = []
    for start, stop in sorted(_found(plain, words)):
        start, stop = places[start], _end(text, places[stop - 1])
        if ranges and start < ranges[-1][1]:
            start, stop = ranges[-1][0], max(stop, ranges[-1][1])
            ranges.pop()
        ranges.append((start, stop))
    return ranges


def _found(plain: str, words: Iterable[str]) -> Iterable[tuple[int, int]]:
    for word in words:
        at = plain.find(word)
        while at >= 0:
            yield at, at + len(word)
            at = plain.find(word, at + len(word))


def _with_places(text: str) -> tuple[str, Sequence[int]]:
    """The searched text, and for each of its characters the place of the one that it comes from."""
    # Letter by letter this gives the same text: only marks, which are left out, change places among each other.
    parts = [folded(sign) for sign in text]
    plain, places = "".join(parts), [place for place, part in enumerate(parts) for _ in part]
    for number in reversed(list(_NUMBER.finditer(plain))):
        places.insert(number.start(), places[number.start()])
    return _NUMBER.sub(_BEGINS + r"\g<0>", plain), places


def _end(text: str, last: int) -> int:
    """The place after a character and its combining marks."""
    stop = last + 1
    while stop < len(text) and unicodedata.combining(text[stop]) and not folded(text[stop]):
        stop += 1
    return stop
