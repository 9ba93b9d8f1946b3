"""Share links as recipients use them: by a browser or a script, without an account."""

from datasources.models import ShareLink
from datasources.sharing import shares

PERSON = {"Accept": "text/html,application/xhtml+xml"}
SCRIPT = {"Accept": "*/*", "User-Agent": "curl/8.5"}


def path(share: ShareLink, query: str = "") -> str:
    return f"/d/{share.unseal()}/{query}"


def uses(share: ShareLink) -> int:
    shares.write_uses()
    share.refresh_from_db()
    return share.uses
