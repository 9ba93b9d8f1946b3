"""The documents stay true: settings, links and commands that they name exist, and none is missing."""

import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

from accounts.roles import TABLE, Role, may

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# Read outside the settings: by the Procfile and by `make run`.
OF_THE_RUNNER = {"HOST", "PORT", "REDIS_PORT", "SANDBOX_PORT"}


def settings_read() -> set[str]:
    code = (ROOT / "claro_dashboard/settings.py").read_text()
    named = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z0-9_]+)"', code))
    return named | OF_THE_RUNNER


def test_the_readme_lists_every_setting_and_no_other():
    table = re.findall(r"^\| (`[A-Z0-9_`, ]+`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name for cell in table for name in re.findall(r"[A-Z0-9_]+", cell)} == settings_read()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("http") or (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document):
    text = document.read_text()
    for name in re.findall(r"manage\.py (\w+)", text):
        assert name in get_commands(), name
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= set(targets)


def test_the_table_of_roles_is_the_one_that_decides():
    text = (ROOT / "docs/teams.md").read_text()
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)
    ]
    assert lines[0][1:] == [role.label for role in Role]
    for (_, words), line in zip(TABLE.values(), lines[2:], strict=True):
        assert line[0] == words
    for action, line in zip(TABLE, lines[2:], strict=True):
        assert [cell == "yes" for cell in line[1:]] == [may(role, action) for role in Role]


def test_rooms_in_the_architecture_exist():
    table = (ROOT / "docs/architecture.md").read_text()
    for name in re.findall(r"`((?:datasources|claro_dashboard|operations|accounts|core|sandbox)/[\w/.]*)`", table):
        assert (ROOT / name).exists(), name


def test_every_module_stands_in_the_architecture():
    """Under its own name or its package's row; views, models and the client have one row each."""
    text = (ROOT / "docs/architecture.md").read_text()
    small = {"__init__", "adapter", "apps", "checks", "forms", "middleware", "models", "signals", "urls", "views"}
    apart = {"claro", "management", "migrations", "models", "sqlite3", "sso", "templatetags", "views"}
    modules = [
        module.relative_to(ROOT)
        for package in ("accounts", "claro_dashboard", "core", "datasources", "operations")
        for module in (ROOT / package).rglob("*.py")
    ]
    looked_for = [module for module in modules if module.stem not in small and not apart & {*module.parts[:-1]}]
    assert len(looked_for) > 60
    for module in looked_for:
        assert f"`{module.stem}`" in text or f"`{module}`" in text, module


def test_the_layers_in_the_architecture_are_those_that_the_linter_checks():
    """Prints the line as it has to be; its line breaks don't count."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    line = " → ".join(layer.replace("datasources.", "").replace(" : ", " · ") for layer in layers)
    text = (ROOT / "docs/architecture.md").read_text()
    drawn = [" ".join(fenced.split()) for fenced in re.findall(r"```\n(.*?)\n```", text, re.DOTALL)]
    assert line in drawn, line


def test_the_sections_of_the_contract_that_the_code_cites_exist():
    sections = re.findall(r"^## (.+)$", (ROOT / "docs/claro-api.md").read_text().lower(), re.MULTILINE)
    folders = ("sandbox", "datasources", "claro_dashboard", "tests")
    code = "".join(module.read_text() for folder in folders for module in sorted((ROOT / folder).rglob("*.py")))
    cited = re.findall(r"docs/claro-api\.md(?:, | \()(\w+(?: \w+)?)", code)
    assert len(cited) > 20
    assert set(cited) <= set(sections)


def test_the_tests_that_the_promises_name_exist():
    text = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(tests/[\w/.]+)`", text)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists(), name


def test_every_chapter_of_the_standard_has_a_status():
    text = (ROOT / "docs/security.md").read_text()
    chapters = re.findall(r"^\| V(\d+) [^|]+\| (met|partly|not applicable) \| \S", text, re.MULTILINE)
    assert [int(number) for number, _ in chapters] == list(range(1, 18))
