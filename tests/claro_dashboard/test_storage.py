import json
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.base import ContentFile

from claro_dashboard.storage import StaticStorage


@pytest.fixture
def collected(tmp_path, settings):
    """What collectstatic makes of some files: their names, and where they lie."""
    settings.STATIC_ROOT = tmp_path

    def collect(files: dict[str, str | bytes]) -> tuple[dict[str, str], object]:
        storage = StaticStorage(location=tmp_path, base_url="/static/")
        for name, text in files.items():
            storage.save(name, ContentFile(text if isinstance(text, bytes) else text.encode()))
        plain = StaticFilesStorage(location=tmp_path, base_url="/static/")
        for _, _, outcome in storage.post_process({name: (plain, name) for name in files}):
            assert not isinstance(outcome, Exception), outcome
        return json.loads((tmp_path / "staticfiles.json").read_text())["paths"], tmp_path

    return collect


def test_a_file_s_name_changes_with_its_content_and_it_lies_there_compressed(collected):
    names, folder = collected({"css/a.css": "body { color: red }" * 100})
    assert names["css/a.css"] != "css/a.css"
    for ending in ("", ".gz", ".br"):
        assert (folder / f"{names['css/a.css']}{ending}").exists()


def test_modules_import_each_other_by_the_names_that_change(collected):
    names, folder = collected({"js/app.js": 'import "./part.js";\n', "js/part.js": "export const x = 1;\n"})
    assert f'"./{Path(names["js/part.js"]).name}"' in (folder / names["js/app.js"]).read_text()


def test_every_file_of_ours_that_names_another_one_names_one_that_is_there(collected, monkeypatch):
    # Compressing Vega takes seconds, and finds nothing.
    monkeypatch.setattr(StaticStorage, "post_process_with_compression", lambda self, files: files)
    ours = [name for finder in finders.get_finders() for name, _ in finder.list([])]
    ours = [name for name in ours if name.startswith(("js/", "css/", "vendor/"))]
    assert "js/app.js" in ours
    names, _ = collected({name: Path(finders.find(name)).read_bytes() for name in ours})
    assert set(ours) <= names.keys()


def test_the_parts_of_the_style_sheet_become_one_file_in_their_order(collected):
    parts = {"css/base.css": "b {}\n", "css/tokens.css": "a {}\n"}
    names, folder = collected(parts)
    assert (folder / names["css/claro.css"]).read_text() == "a {}\nb {}\n"


def test_django_htmx_s_own_scripts_are_not_handed_out():
    ignored = apps.get_app_config("staticfiles").ignore_patterns
    found = [name for finder in finders.get_finders() for name, _ in finder.list(ignored)]
    assert "js/app.js" in found
    assert not [name for name in found if name.startswith("django_htmx")]
