"""Stored data and its queries."""

from core.models import Leased, Sealed
from datasources.models.audit import AuditEvent, Unchangeable
from datasources.models.batches import BatchFile, DownloadBatch
from datasources.models.bin import Deletion, Opened
from datasources.models.columns import ColumnChoice, ColumnReference
from datasources.models.copies import Comparison, Export, TableCopy
from datasources.models.counts import SourceCount
from datasources.models.hooks import Hint, Hook
from datasources.models.keys import ApiKey, Canary, KeyShare, Newest, Refusal, Sync, Watch
from datasources.models.links import LINK_MARGIN, DownloadLink, living
from datasources.models.marks import Favourite, Tag, Tagging
from datasources.models.notices import Notice, Outlet, OutletTest, Timing, Wish
from datasources.models.shares import SharedFile, ShareLink, is_used_up
from datasources.models.sources import Reading, Source, StatusChange
from datasources.models.transfers import Transfer
from datasources.models.uploads import Correction, SentContent, Upload
from datasources.models.views import SavedView, ViewPlace

__all__ = [
    "LINK_MARGIN",
    "ApiKey",
    "AuditEvent",
    "BatchFile",
    "Canary",
    "ColumnChoice",
    "ColumnReference",
    "Comparison",
    "Correction",
    "Deletion",
    "DownloadBatch",
    "DownloadLink",
    "Export",
    "Favourite",
    "Hint",
    "Hook",
    "KeyShare",
    "Leased",
    "Newest",
    "Notice",
    "Opened",
    "Outlet",
    "OutletTest",
    "Reading",
    "Refusal",
    "SavedView",
    "Sealed",
    "SentContent",
    "ShareLink",
    "SharedFile",
    "Source",
    "SourceCount",
    "StatusChange",
    "Sync",
    "TableCopy",
    "Tag",
    "Tagging",
    "Timing",
    "Transfer",
    "Unchangeable",
    "Upload",
    "ViewPlace",
    "Watch",
    "Wish",
    "is_used_up",
    "living",
]
