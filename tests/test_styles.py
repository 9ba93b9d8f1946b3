"""The style sheet holds what pages use, and icons are there that pages name."""

import re
from pathlib import Path

import pytest

from claro_dashboard.storage import STYLES
from datasources.activity import words
from datasources.templatetags.claro import KINDS
from tests import styles

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", styles.built(), ids=lambda path: path.name)
def test_what_is_taken_of_tabler_is_what_templates_use(path):
    assert path.read_text() == styles.built()[path], "run `make styles`"


def test_the_one_style_sheet_has_every_file():
    ours = {f"css/{path.name}" for path in (ROOT / "static/css").glob("*.css")}
    assert {name for name in STYLES if name.startswith("css/")} == ours
    assert len(set(STYLES)) == len(STYLES)


@pytest.mark.parametrize("name", STYLES)
def test_every_rule_is_in_a_layer(name):
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "static" / name).read_text(), flags=re.DOTALL)
    for around, selector, _ in styles.rules(css):
        assert around.startswith("@layer") or selector.startswith("::view-transition"), selector


@pytest.mark.parametrize("name", STYLES)
def test_no_rule_is_for_a_sibling_of_any_kind(name):
    """With one, everything that is put into a page has all of the page styled again."""
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "static" / name).read_text(), flags=re.DOTALL)
    for _, selector, _ in styles.rules(css):
        assert not re.search(r"[+~]\s*(\*|:(?!is|where))", selector), selector


def test_no_line_of_a_template_is_over_160_characters():
    lines = [(path.name, line) for path in TEMPLATES for line in path.read_text().splitlines()]
    assert [one for one in lines if len(one[1]) > 160] == []


def test_every_icon_that_is_named_is_there():
    named = {name for path in TEMPLATES for name in re.findall(r"{% icon \"([\w-]+)\"", path.read_text())}
    named |= {icon for icon, _ in KINDS.values()} | {"file", "table", "download", "share", "trash"}
    named |= {group.icon for group in words.GROUPS.values()} | {"history"}
    assert named <= styles.icon_names()
