"""Static files: hashed names, compressed, ES modules that import each other by those names, and one style sheet."""

from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

# One file compresses to two thirds of what its parts do, and is one request. The layers are named in tokens.css.
STYLES = (
    *("css/tokens.css", "vendor/tabler/tabler.css", "vendor/tabler-icons/icons.css", "css/base.css"),
    *(f"css/{name}.css" for name in ("icons", "controls", "tables", "lines", "status", "alerts", "dialog")),
    *(f"css/{name}.css" for name in ("shortcuts", "palette")),
    *(f"css/{name}.css" for name in ("shell", "spaces", "sources", "details", "rows", "copies", "keys", "operations")),
    *(f"css/{name}.css" for name in ("rows-toolbar", "columns", "activity", "account", "shares", "exports", "compare")),
    *(f"css/{name}.css" for name in ("column-choices", "views", "plots", "record", "drawer", "people")),
)
STYLE_SHEET = "css/claro.css"


class StaticStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True

    def post_process(self, paths: dict, dry_run: bool = False, **options: object) -> Iterator:
        parts = [name for name in STYLES if name in paths]
        if parts and not dry_run:
            self.delete(STYLE_SHEET)
            self._save(STYLE_SHEET, ContentFile("".join(_text(*paths[name]) for name in parts)))
            paths = {**paths, STYLE_SHEET: (self, STYLE_SHEET)}
        yield from super().post_process(paths, dry_run, **options)


def _text(storage: Storage, path: str) -> str:
    with storage.open(path) as file:
        return file.read().decode()
