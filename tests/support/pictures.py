"""Pictures for the documents, taken by the tests that do what a document says: with WRITE_SCREENSHOTS set."""

import os

from playwright.sync_api import Locator, Page

from tests.support.product import ROOT

IS_WANTED = bool(os.environ.get("WRITE_SCREENSHOTS"))
MARGIN = 10


def picture(page: Page, name: str, *parts: Locator, of: dict[str, int] | None = None) -> None:
    """Writes one: of these parts of the page, else of the window. With `of` at this width only."""
    if not IS_WANTED or of not in (None, page.viewport_size):
        return
    path = ROOT / f"docs/images/{name}.png"
    if not parts:
        page.screenshot(path=path)
        return
    boxes = [part.bounding_box() for part in parts]
    left, top = (max(min(box[side] for box in boxes) - MARGIN, 0) for side in "xy")
    right, bottom = (
        max(box[side] + box[size] for box in boxes) + MARGIN for side, size in (("x", "width"), ("y", "height"))
    )
    page.screenshot(
        path=path, clip={"x": left, "y": top, "width": right - left, "height": bottom - top}, full_page=True
    )
