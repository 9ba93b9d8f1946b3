"""The product's pages, and one that takes its time, for tests of the web server (slow_settings.py)."""

import time
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import include, path

from claro_dashboard.urls import handler404  # noqa: F401 - Django looks for it in the first module of URLs

LINE = "<p>Products of the autumn, by price and by name.</p>\n"
BLOCK = LINE * 2000


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """A line at once, `blocks` once the file `go` is in the folder. The file `end` tells how it ended."""
    folder, blocks = Path(request.GET["folder"]), int(request.GET["blocks"])

    def pieces() -> Iterator[str]:
        try:
            yield LINE
            while not (folder / "go").exists():
                time.sleep(0.01)
            for _ in range(blocks):
                yield BLOCK
            (folder / "end").write_text("complete")
        except GeneratorExit:
            (folder / "end").write_text("left")
            raise

    return StreamingHttpResponse(pieces())


urlpatterns = [path("slow/", stream), path("", include("claro_dashboard.urls"))]
