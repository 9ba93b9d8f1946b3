"""Plain technical English in documents, template text and docstrings, as far as patterns can recognise it.

`make lint` runs this. In documents a sentence also has at most 25 words.
"""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "bench", "claro_dashboard", "core", "datasources", "operations", "sandbox")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt"))
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
)
WORDS_MAX = 25

# The words to write instead, or the fault, and how it is recognised. A question ("Who can open it?") may begin with a
# pronoun.
PATTERNS = {
    "begins with a pronoun or conjunction: name the actor": r"^(?-i:What|Who|Whom|Whose|Of|So)\s(?!.*\?)",
    "user, people": r"\b(?:somebody|anybody|everybody|whoever|whomever|how one|where one|what one|one's)\b",
    "report, show, notify, return": r"\b(?:tells?|telling|told|says|said)\b",
    "continue, run": r"\b(?:go|goes|going|gone|went) on\b(?! (?:the|a) )",
    "progress, arrive": r"\b(?:come|comes|came|coming) (?:along|about)\b",
    "be, be stored, be shown": r"\b(?:stand|stands|standing|stood)\b",
    "claim, start": r"\b(?:take|takes|taken|took|taking) up\b",
    "issue, share, download": r"\b(?:hand|hands|handed|handing|give|gives|gave|given) (?:out|over)\b",
    "poll, check": r"\b(?:look|looks|looked|looking) (?:after|anew|again)\b|\b(?:a|each|every|the next) look\b",
    "automatically": r"\bby (?:itself|themselves)\b",
    "again, new, no effect": r"\b(?:anew|in vain|in the midst|made good|the like of)\b",
    "sync, budget, channel, package": r"\b(?:sweeps?|purses?|outlets?|rooms)\b",
}


def in_markdown(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, list items, headings and table cells with the line they begin on; code is left out."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"``.+?``|`[^`]+`", "Code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "")
    paragraph: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        begins = not line.strip() or re.match(r"\s*(?:[-*] |\d+\. |#|\|)", line)
        if begins and paragraph:
            yield number - len(paragraph), " ".join(paragraph)
            paragraph = []
        if line.lstrip().startswith("|"):
            yield from ((number, part.strip()) for part in re.split(r"\||; ", line))
        elif line.strip():
            paragraph.append(re.sub(r"^\s*(?:[-*] |\d+\. |#+ )", "", line).strip())


class _Prose(HTMLParser):
    """The text of a page: each element that is not within a line ends a sentence; attributes that people read."""

    IN_LINE = frozenset({"a", "abbr", "b", "bdi", "bdo", "code", "em", "i", "kbd", "small", "span", "strong", "time"})
    READ = frozenset({"alt", "aria-label", "data-confirm", "placeholder", "title"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._text, self._is_code = "", False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._is_code = tag in ("script", "style")
        line = self.getpos()[0]
        self.found += [(line, value) for name, value in attributes if name in self.READ and value]
        self._end(tag)

    def handle_endtag(self, tag: str) -> None:
        self._is_code = False
        self._end(tag)

    def handle_data(self, data: str) -> None:
        self._text += "" if self._is_code else data

    def _end(self, tag: str) -> None:
        if tag not in self.IN_LINE:
            self.found.append((self.getpos()[0], " ".join(self._text.split())))
            self._text = ""


def in_template(text: str) -> Iterator[tuple[int, str]]:
    """The text that a template shows, with `value` for what is filled in; texts that it hands to its tags."""
    hidden = r"{#.*?#}|{% *comment.*?endcomment *%}"
    text = re.sub(hidden, lambda tag: "\n" * tag[0].count("\n"), text, flags=re.DOTALL)
    for tag in re.finditer(r"{%.*?%}", text, re.DOTALL):
        yield from (
            (text.count("\n", 0, tag.start()) + 1, quoted) for quoted in re.findall(r'"([A-Z][^"]* [^"]*)"', tag[0])
        )
    text = re.sub(r"{%.*?%}", lambda tag: "\n" * tag[0].count("\n"), text, flags=re.DOTALL)
    prose = _Prose()
    prose.feed(re.sub(r"{{.*?}}", "value", text))
    prose.handle_endtag("p")
    yield from prose.found


def in_module(text: str) -> Iterator[tuple[int, str]]:
    """The paragraphs of every docstring."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (docstring := ast.get_docstring(node)):
            line = node.body[0].lineno
            yield from ((line, re.sub(r"`[^`]+`", "Code", part)) for part in re.split(r"\n\s*\n", docstring))


def sentences(paragraph: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\)?\s+(?=[^a-z])", paragraph.strip()) if one]


def faults(path: Path) -> list[str]:
    read = {".md": in_markdown, ".py": in_module}.get(path.suffix, in_template)
    found = []
    for line, paragraph in read(path.read_text()):
        for sentence in sentences(paragraph):
            place = f"{path.relative_to(ROOT)}:{line}"
            found += [
                f"{place}: {why}: {sentence}"
                for why, pattern in PATTERNS.items()
                if re.search(pattern, sentence, re.IGNORECASE)
            ]
            words = [word for word in sentence.split() if "Code" not in word]
            if path.suffix == ".md" and len(words) > WORDS_MAX:
                found.append(f"{place}: {len(words)} words: {sentence}")
    return found


@pytest.mark.parametrize("paths", [DOCUMENTS, TEMPLATES, MODULES], ids=["documents", "templates", "docstrings"])
def test_texts_are_plain_technical_english(paths):
    wrong = [fault for path in paths for fault in faults(path)]
    assert not wrong, "\n".join(["", *wrong])
