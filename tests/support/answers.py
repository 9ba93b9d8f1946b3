"""Answers that come while a page waits for something else."""

from playwright.sync_api import Page, expect

from accounts.models import User
from core import live

NOTE = """
() => {
  delete document.body.dataset.another;
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.id === "above") document.body.dataset.another = "";
  });
}
"""


def another_answer(page: Page, user: User) -> None:
    """A live update that has nothing to do with what the user does: what is said about the bin above every page."""
    page.evaluate(NOTE)
    live.publish([user.pk], "bin-changed")
    expect(page.locator("body[data-another]")).to_have_count(1)
