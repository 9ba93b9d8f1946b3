"""The rows page in a browser: its panels, and what is in them."""

from playwright.sync_api import Locator, Page, expect


def open_panel(page: Page, name: str) -> Locator:
    """The panel of a button of the toolbar, such as "filter" or "columns"; opened if it is not."""
    # A page without scripts is loaded anew until it has the rows, and what was opened meanwhile would close.
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    panel = page.locator(f"#{name}-panel")
    if not panel.is_visible():
        page.locator(f"#open-{name}").click()
    return panel


def filter_box(page: Page) -> Locator:
    """The text of the whole filter, in sight."""
    return open_panel(page, "filter").get_by_label("Filter expression")


def apply_filter(page: Page, text: str) -> None:
    box = filter_box(page)
    box.fill(text)
    box.press("Enter")
