from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from datasources.palette import Item, PaletteForm, find
from datasources.templatetags.navigation import FOR_STAFF, PLACES
from datasources.views.pages import render_page

# URL name, icon, label, and further words that find it.
PAGES = (
    ("downloads:list", "download", "Downloads", "links"),
    ("exports:list", "file-download", "Exports of rows", "receipts"),
    ("views:list", "bookmark", "Saved views", ""),
    ("tags:list", "tag", "Tags", "labels"),
    ("account", "user", "Account", "password passkeys sessions settings two-step verification"),
    ("shortcuts", "keyboard", "Keyboard shortcuts", "keys help"),
)
ACTIONS = (
    ("keys:add", "plus", "Add a key", "API new"),
    ("teams:list", "user-plus", "Create a team", "new invite"),
    ("notices:choices", "adjustments-horizontal", "Change notification settings", "mail webhook Slack"),
    ("holdings", "shield-lock", "Review account contents", ""),
    ("account_logout", "logout", "Sign out", "log out leave"),
)


@login_required
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """The best matches for some letters: for the palette its options, else a page with a form."""
    form = PaletteForm(request.GET)
    text = form.state()["q"]
    complaints = form.complaints()
    context = {"q": text, "items": find(request.user.pk, text, _places(request.user)), "complaints": complaints}
    return render_page(request, "palette/page.html", context, 400 if complaints else 200, part="palette/_items.html")


def _places(user: User) -> list[Item]:
    shown = [(*place, "") for place in PLACES if user.is_staff or place[0] not in FOR_STAFF]
    pages = [Item("page", label, reverse(name), icon, words=words) for name, icon, label, words in (*shown, *PAGES)]
    return pages + [Item("action", label, reverse(name), icon, words=words) for name, icon, label, words in ACTIONS]
