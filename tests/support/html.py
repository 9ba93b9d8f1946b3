"""What a response says, as a tree to ask questions of; HTML that is not well-formed fails the test."""

from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

from django.http import HttpResponse

VOID = frozenset({"hr", "br", "img", "input", "link", "meta"})
# What stands in a line with the words around it; everything else parts them.
INLINE = frozenset({"a", "b", "bdi", "code", "mark", "span", "strong", "svg", "time", "use"})


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._builder, self._open = TreeBuilder(), []

    def tree(self, html: str) -> Element:
        self.handle_starttag("root", [])
        self.feed(html)
        self.close()
        self.handle_endtag("root")
        return self._builder.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in <{tag}>: {names}"
        self._part(tag)
        self._builder.start(tag, {name: value or "" for name, value in attrs})
        self._open.append(tag)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1] == tag, f"</{tag}> where <{self._open[-1]}> is open"
        self._open.pop()
        self._builder.end(tag)
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if self._open[1:]:
            self._builder.data(data)

    def _part(self, tag: str) -> None:
        if self._open and tag not in INLINE:
            self._builder.data(" ")


def dom(response: HttpResponse) -> Element:
    """The root above everything in the response; ElementTree's paths find what lies below."""
    if not hasattr(response, "dom"):
        response.dom = _Tree().tree(response.content.decode())
    return response.dom


def words_of(html: str) -> str:
    """The text that a person reads in a page of the real server."""
    return words(_Tree().tree(html))


def words(part: Element | HttpResponse | None) -> str:
    """The text that a person reads there, white space evened out."""
    if part is None:
        return ""
    element = part if isinstance(part, Element) else dom(part)
    return " ".join("".join(element.itertext()).split())


def all_words(response: HttpResponse, path: str) -> list[str]:
    """The text of each element that the path finds."""
    return [words(element) for element in dom(response).iterfind(path)]


def told(response: HttpResponse) -> str:
    """The words of all alerts and notes of a page."""
    roles = ("alert", "status")
    return " ".join(words(one) for one in dom(response).iter() if one.get("role") in roles).strip()


def label(page: Element, element: Element) -> str:
    """The name of an element without words of its own."""
    if own := element.get("aria-label"):
        return own
    ids = element.get("aria-labelledby", "").split()
    return " ".join(words(page.find(f".//*[@id='{one}']")) for one in ids)


def icons(part: Element) -> list[str]:
    """The names of the icons in this part."""
    classes = [name for one in part.iter() for name in one.get("class", "").split()]
    return [name.removeprefix("icon-") for name in classes if name.startswith("icon-")]


def link(response: HttpResponse, text: str) -> str:
    """Where the link with these words leads."""
    found = [one.get("href") for one in dom(response).iter("a") if text in words(one)]
    assert found, f"no link {text!r}"
    return found[0]


def field(response: HttpResponse, name: str) -> Element | None:
    """The form field of that name."""
    return dom(response).find(f".//*[@name='{name}']")


def as_shown(response: HttpResponse) -> dict[str, list[str]]:
    """What a browser sends of the form in the page's card if nobody changes it: names and values."""
    sent: dict[str, list[str]] = {}
    [form] = (one for one in dom(response).iter("form") if "card" in one.get("class", "").split())
    for one in form.iter():
        match one.tag:
            case "input":
                is_sent = one.get("type") not in ("checkbox", "radio") or one.get("checked") is not None
                values = [one.get("value", "")] if is_sent else []
            case "select":
                chosen = one.findall(".//option[@selected]") or one.findall(".//option")[:1]
                values = [option.get("value", "") for option in chosen]
            case "textarea":
                values = [(one.text or "").strip()]
            case _:
                continue
        if values:
            sent.setdefault(one.get("name", ""), []).extend(values)
    return sent
