"""All files of a share link at once, for a visitor who wants them all."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from datasources.downloads import links
from datasources.models import DownloadLink, SharedFile, ShareLink
from datasources.sharing.shares import LONGEST_LINK_S, PAUSE_AFTER_FAILURE


@dataclass(frozen=True)
class Line:
    """A file of the page; `is_ready` if its link works, `has_failed` if Claro refused it a moment ago."""

    file: SharedFile
    is_ready: bool
    has_failed: bool


def offers_all(share: ShareLink, files: list[SharedFile], repeatable: Collection[int]) -> bool:
    """Whether there are several files, and downloads left for each that the visitor has not just had."""
    counted = [file for file in files if file.number not in repeatable]
    if share.most_uses is None:
        is_enough = True
    elif share.limits_each:
        is_enough = not any(file.is_used_up for file in counted)
    else:
        is_enough = share.uses_left >= len(counted)
    return len(files) > 1 and is_enough


def prepare(share: ShareLink, files: list[SharedFile]) -> list[Line]:
    """Requests the missing links, one for all visitors, and gives the state of each file. A few queries."""
    best = links.best(DownloadLink.objects.filter(source__in=[file.source_id for file in files]))
    since = timezone.now() - PAUSE_AFTER_FAILURE
    failed = {pk for pk, link in best.items() if link.state == DownloadLink.State.FAILED and link.created_at > since}
    ready = {pk for pk, link in best.items() if link.is_alive}
    missing = [file.source for file in files if file.source_id not in ready | failed]
    if missing:
        links.ask_all(missing, share.made_by, LONGEST_LINK_S, is_limited=False)
    return [Line(file, file.source_id in ready, file.source_id in failed) for file in files]
