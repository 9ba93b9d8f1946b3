"""Builds the parts of Tabler that the dashboard uses, from the whole of it in tests/vendor: `make styles`.

A rule of Tabler is kept when templates use every class and element that its selector names, a custom property when
something reads it. Icons become one style sheet of masks, so that an icon in a page is a class and not a path.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
TABLER, ICONS = STATIC / "vendor/tabler/tabler.css", STATIC / "vendor/tabler-icons/icons.css"
# Classes that no template spells out: set by Python and scripts, or put together (`alert-{{ level }}`).
CLASSES = {"form-control", "form-select", "form-check-input", "is-invalid", "icon", "disabled", "table", "card-table"}
CLASSES |= {f"alert-{level}" for level in ("danger", "warning", "success", "info")}
# Elements that the browser or a filter adds.
ELEMENTS = {"tbody", "thead", "tr", "th", "td", "option", "optgroup", "strong", "b", "code", "textarea"}
# Attributes of themes that the dashboard doesn't offer. And a sibling of any kind: with it, everything that is put into
# a page has all of the page styled again, half a second for a large table.
UNUSED = re.compile(
    r"[+~]\*|\[data-bs-theme-|\[data-theme|body\[data|:host|\[dir=|:dir\(|\[data-(?!bs-theme=)|\[class|-moz-|-ms-"
)
FRAMES = re.compile(r"(@keyframes ([\w-]+)\{(?:[^{}]*\{[^{}]*\})*\})")
ONE_CLASS = re.compile(r"\.[\w-]+")
# A status is known by its class alone, and the star of a row by its form.
OF_STATUS = {
    "star": "[form=f]",
    "star-filled": "[form=f][value]",
    "circle-check": ".is-completed",
    "circle-x": ".is-failed",
    "loader-2": ".is-processing",
}
HEAD = "/* Made by `make styles` from {}; don't edit. */\n"


def main() -> None:
    for path, text in built().items():
        path.write_text(text)


def built() -> dict[Path, str]:
    """The files and what has to be in them."""
    return {TABLER: _tabler(), ICONS: _icons()}


def icon_names() -> set[str]:
    return set(_symbols())


def _symbols() -> dict[str, str]:
    sprite = (ROOT / "tests/vendor/tabler-icons/sprite.svg").read_text()
    return dict(re.findall(r'<symbol id="([^"]+)"[^>]*>(.*?)</symbol>', sprite, re.DOTALL))


def _icons() -> str:
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='#000' stroke-width='1.75' "
        "stroke-linecap='round' stroke-linejoin='round'>{}</svg>"
    )
    lines = []
    for name, paths in sorted(_symbols().items()):
        picture = svg.format(re.sub(r"\s+", " ", paths).replace('"', "'").replace(" />", "/>").replace("> <", "><"))
        data = quote(picture, safe=" /:=',()")
        of_status = f",{OF_STATUS[name]}" if name in OF_STATUS else ""
        lines.append(f'.icon-{name}{of_status}{{--icon:url("data:image/svg+xml,{data}")}}')
    return HEAD.format("tests/vendor/tabler-icons/sprite.svg") + "@layer tabler{\n" + "\n".join(lines) + "\n}\n"


def _tabler() -> str:
    whole = (ROOT / "tests/vendor/tabler/tabler.min.css").read_text()
    classes, elements = _used()
    rules = list(_kept(whole, classes, elements))
    ours = "".join(path.read_text() for path in sorted((STATIC / "css").glob("*.css")))
    rules = list(_with_read_properties(rules, ours))
    parts, utilities = [], []
    for around, selector, body in rules:
        is_utility = "!important" in body and all(map(ONE_CLASS.fullmatch, selector.split(",")))
        # The boxes of a list of a hundred lines have no class of their own.
        selector = re.sub(r"\.form-check-input(?![\w-])", ":is(.form-check-input,[form=chosen])", selector)
        text = f"{selector}{{{body.replace('!important', '') if is_utility else body}}}"
        (utilities if is_utility else parts).append(f"{around}{{{text}}}" if around else text)
    animations = set(re.findall(r"animation(?:-name)?:([^;}]+)", "".join(parts)))
    named = {word for animation in animations for word in re.split(r"[\s,]+", animation)}
    frames = [
        text for name, text in re.findall(r"(?s)@keyframes ([\w-]+)(\{(?:[^{}]*\{[^{}]*\})*\})", whole) if name in named
    ]
    names = [name for name in re.findall(r"@keyframes ([\w-]+)", whole) if name in named]
    parts += [f"@keyframes {name}{text}" for name, text in zip(names, frames, strict=True)]
    layers = "@layer tabler{\n" + "\n".join(parts) + "\n}\n@layer utilities{\n" + "\n".join(utilities) + "\n}\n"
    return HEAD.format("tests/vendor/tabler/tabler.min.css") + layers


def _used() -> tuple[set[str], set[str]]:
    """Classes and elements that templates, scripts and Python write."""
    classes, elements = set(CLASSES), set(ELEMENTS)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", path.read_text())
        for attribute in re.findall(r'class="([^"]*)"', text):
            classes |= set(attribute.split())
        for words in re.findall(r'classes="([^"]*)"', path.read_text()):
            classes |= set(words.split())
        elements |= set(re.findall(r"<([a-z][a-z0-9]*)", text))
    for path in sorted((ROOT / "datasources/templatetags").glob("*.py")):
        for attribute in re.findall(r"class=(?:\"([^\"{}]+)|([\w-]+))", path.read_text()):
            classes |= set("".join(attribute).split())
    return classes, elements


def _kept(css: str, classes: set[str], elements: set[str]) -> Iterator[tuple[str, str, str]]:
    """The rules in use: the at-rule around it, its selectors, its declarations."""
    for around, selectors, body in rules(css):
        if "print" in around or "min-width:1400px" in around:
            continue
        used = [one for one in _split(selectors) if _is_used(one, classes, elements)]
        body = ";".join(part for part in _split(body, ";") if part.strip())
        if used and body:
            yield around, ",".join(used), body


def _is_used(selector: str, classes: set[str], elements: set[str]) -> bool:
    if UNUSED.search(selector):
        return False
    positive = re.sub(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)", "", selector)
    plain = re.sub(r"\[[^\]]*\]|::?[\w-]+(?=\()|::?[\w-]+", " ", re.sub(r"\\.", "_", positive))
    if not set(re.findall(r"\.([\w-]+)", plain)) <= classes:
        return False
    named = set(re.findall(r"(?:^|[\s>+~(,])([a-z][a-z0-9]*)", plain))
    return named <= elements


def _with_read_properties(rules: list[tuple[str, str, str]], ours: str) -> Iterator[tuple[str, str, str]]:
    """The rules without custom properties that nothing reads."""
    values: dict[str, list[str]] = {}
    text = [ours]
    for _, _, body in rules:
        for declaration in _split(body, ";"):
            name, _, value = declaration.partition(":")
            if name.startswith("--"):
                values.setdefault(name, []).append(value)
            else:
                text.append(value)
    read: set[str] = set()
    new = set(re.findall(r"var\((--[\w-]+)", "".join(text)))
    while new:
        read |= new
        new = {name for one in new for value in values.get(one, []) for name in re.findall(r"var\((--[\w-]+)", value)}
        new -= read
    for around, selector, body in rules:
        kept = [one for one in _split(body, ";") if not one.startswith("--") or one.partition(":")[0] in read]
        if kept:
            yield around, selector, ";".join(kept)


def rules(css: str, around: str = "") -> Iterator[tuple[str, str, str]]:
    """Each rule of the style sheet, those of an at-rule with it; font faces, frames and the like are left out."""
    css = re.sub(r"/\*.*?\*/|@(?:charset|layer)[^;{]*;", "", css, flags=re.DOTALL)
    at = 0
    while (opens := css.find("{", at)) >= 0:
        head, depth, end = css[at:opens].strip(), 1, opens + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        body = css[opens + 1 : end - 1]
        if head.startswith(("@media", "@supports", "@layer", "@container")):
            yield from rules(body, f"{around} {head}".strip())
        elif not head.startswith("@"):
            yield around, head, body
        at = end


def _split(text: str, by: str = ",") -> list[str]:
    """The parts between the separators that stand outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, "", 0
    for place, sign in enumerate(text):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "\"'":
            quoted = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == by and not depth:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


if __name__ == "__main__":
    main()
