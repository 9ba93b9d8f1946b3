"""What is stored, and the questions one asks of it."""

from datasources.models.base import Leased, Sealed
from datasources.models.hooks import Hint, Hook
from datasources.models.keys import ApiKey, Canary, Sync, Watch
from datasources.models.links import LINK_MARGIN, DownloadLink
from datasources.models.sources import Source, StatusChange

__all__ = [
    "LINK_MARGIN",
    "ApiKey",
    "Canary",
    "DownloadLink",
    "Hint",
    "Hook",
    "Leased",
    "Sealed",
    "Source",
    "StatusChange",
    "Sync",
    "Watch",
]
