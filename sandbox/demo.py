"""The demo account's sources: about thirty, of every kind, some of them processing while one watches."""

import hashlib
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from sandbox import demo_files as files
from sandbox.parsing import content_type
from sandbox.store import Source, Store
from sandbox.tables import Column

ACCOUNT = "demo"
_HOUR, _DAY = 3600, 86_400
_PRODUCT = ("sku", "name", "brand", "category", "colour", "price", "stock", "active", "launched", "url")
_STOCK = ("sku", "ean", "stock", "cost", "city")
_SUPPLIERS = ("id", "supplier", "city", "postcode", "note")
_REVIEWS = ("id", "sku", "rating", "note")

# The table of a million rows: nothing of it exists until somebody looks or downloads.
BIG = "orders-2019-2025.csv"
BIG_ROWS = 1_000_000
BIG_FILE_BYTES = 80_325_918  # of the file that `make_file` writes; a test holds them together
_BIG_COLUMNS = [
    Column("order_id", "c0", "number", whole=True),
    Column("ordered_at", "c1", "text"),
    Column("sku", "c2", "text"),
    Column("country", "c3", "text"),
    Column("quantity", "c4", "number", whole=True),
    Column("unit_price", "c5", "number"),
    Column("status", "c6", "text"),
    Column("customer", "c7", "text"),
]
_BIG_SELECT = f"""
SELECT n, 100000 + n AS c0,
  strftime(TIMESTAMP '2019-01-01' + INTERVAL (n * 211) SECOND, '%Y-%m-%dT%H:%M:%SZ') AS c1,
  'A' || lpad(((n * 7919) % 48611)::VARCHAR, 6, '0') AS c2,
  list_value('DE', 'CH', 'FR', 'JP', 'BR', 'US', 'NO')[1 + (n * 31) % 7] AS c3,
  1 + (n * 17) % 12 AS c4,
  ((n * 1103515245 + 12345) % 90000)::DOUBLE / 100 AS c5,
  list_value('paid', 'shipped', 'returned', 'open')[1 + (n * 13) % 4] AS c6,
  'customer' || ((n * 104729) % 73019)::VARCHAR || '@example.com' AS c7
FROM (SELECT unnest(range(1, {BIG_ROWS + 1})) AS n)
"""


def fill(store: Store, key: str, calls_per_minute: int) -> None:
    """Creates the sources of the demo key. Earlier uploads and deletes stay as they are."""
    if key not in store.keys:
        now = time.time()
        for number, (name, age_s, took_s, make) in enumerate(_sources()):
            data = make(random.Random(number))  # noqa: S311 - the same files every time
            _add(store, name, data, now - age_s, took_s)
        _add_big(store, now - 3 * _DAY)
    store.add_key(ACCOUNT, key, calls_per_minute)  # last: a start that was interrupted begins again


def make_table(store: Store, source: Source) -> None:
    store.tables.create_from(source.id, _BIG_SELECT)


def make_file(store: Store, source: Source) -> Path:
    """The original file of a table that is made on demand."""
    path = store.path(source)
    if not path.exists():
        make_table(store, source)
        names = ", ".join(f'{column.place} AS "{column.name}"' for column in source.columns)
        part = path.with_suffix(f".{uuid.uuid4().hex}")
        store.tables.run(f'COPY (SELECT {names} FROM "{source.id}" ORDER BY n) TO $1 (FORMAT csv, HEADER)', [str(part)])
        part.replace(path)
    return path


def _sources() -> list[tuple[str, float, float, Callable[[random.Random], bytes]]]:
    """File name, age, seconds of processing (longer than the age: still processing), and how the file is made."""

    def table(columns: tuple[str, ...], count: int, separator: str = ",") -> Callable[[random.Random], bytes]:
        return lambda rng: files.rows_csv(rng, columns, count, separator)

    def records(columns: tuple[str, ...], count: int, *, by_line: bool = False) -> Callable[[random.Random], bytes]:
        return lambda rng: files.records_json(rng, columns, count, by_line=by_line)

    def report(pages: int) -> Callable[[random.Random], bytes]:
        return lambda rng: files.pdf([files.report_text(rng, 40).splitlines() for _ in range(pages)])

    return [
        ("new-arrivals-week-47.csv", 15, 35, table(_PRODUCT, 420)),
        ("supplier-feed-borealis.jsonl", 40, 85, records(_PRODUCT, 900, by_line=True)),
        ("returns-november.tsv", 75, 165, table(("id", "sku", "quantity", "note"), 640, "\t")),
        ("price-list-locked.pdf", 30, 90, lambda rng: files.protected(report(2)(rng), "secret")),
        ("products-autumn.csv", 2 * _HOUR, 41, table(_PRODUCT, 12_000)),
        ("stock-levels.csv", 3 * _HOUR, 12, table(_STOCK, 5_500)),
        ("product-reviews.jsonl", 5 * _HOUR, 18, records(_REVIEWS, 2_600, by_line=True)),
        ("customer-survey-2026.csv", 8 * _HOUR, 33, lambda rng: files.wide_csv(rng, 1_150, 60)),
        ("suppliers.tsv", 11 * _HOUR, 6, table(_SUPPLIERS, 340, "\t")),
        ("在庫一覧-東京.csv", 1.1 * _DAY, 9, table(_STOCK, 810)),
        ("مبيعات-الربع-الثالث.csv", 1.3 * _DAY, 11, table(("id", "sku", "price", "quantity", "city"), 730)),
        ("Übersicht Käufer & Größen.csv", 1.8 * _DAY, 8, table(("id", "name", "city", "postcode"), 260)),
        ("catalogue-export.json", 2.2 * _DAY, 27, records(_PRODUCT, 1_800)),
        ("<img src=x onerror=alert(1)>.csv", 2.4 * _DAY, 3, lambda rng: files.hostile_csv()),
        ("\"><script>alert('name')</script>.json", 2.5 * _DAY, 4, records(_REVIEWS, 25)),
        ("report\u202efdp.csv", 2.6 * _DAY, 4, table(_REVIEWS, 30)),
        ("quarterly-report-q3.pdf", 4 * _DAY, 52, report(6)),
        ("meeting-notes.txt", 5 * _DAY, 2, lambda rng: files.report_text(rng, 80).encode()),
        ("empty-export.csv", 6 * _DAY, 2, lambda rng: b""),
        ("broken-feed.json", 7 * _DAY, 3, lambda rng: b'[{"sku": "A1", "price": 3}, {"sku": '),
        ("header-only.csv", 8 * _DAY, 2, lambda rng: b"sku,name,price\n"),
        ("products-summer.csv", 21 * _DAY, 44, table(_PRODUCT, 9_400)),
        ("products-spring.csv", 75 * _DAY, 39, table(_PRODUCT, 8_100)),
        ("products-winter.csv", 180 * _DAY, 47, table(_PRODUCT, 7_700)),
        ("price-changes.tsv", 30 * _DAY, 15, table(("sku", "price", "cost", "launched"), 3_300, "\t")),
        ("translations.jsonl", 44 * _DAY, 21, records(("sku", "name", "note"), 1_200, by_line=True)),
        ("warehouse-brno.csv", 60 * _DAY, 7, table(_STOCK, 2_050)),
        ("warehouse-osaka.csv", 61 * _DAY, 7, table(_STOCK, 2_210)),
        ("safety-data-sheets.pdf", 90 * _DAY, 66, report(14)),
        ("taxonomy.json", 120 * _DAY, 9, records(("id", "category"), 480)),
        (
            "archive-2024-products-with-a-name-that-somebody-made-very-long-so-that-it-says-everything.csv",
            400 * _DAY,
            58,
            table(_PRODUCT, 6_000),
        ),
    ]


def _add(store: Store, name: str, data: bytes, uploaded_at: float, took_s: float) -> None:
    source = Source(
        id=_id(name),
        account=ACCOUNT,
        file_name=name,
        content_type=content_type(name),
        size=len(data),
        uploaded_at=uploaded_at,
        ready_at=uploaded_at + took_s,
    )
    store.path(source).write_bytes(data)
    store.parse(source)
    store.put(source)


def _add_big(store: Store, uploaded_at: float) -> None:
    store.put(
        Source(
            id=_id(BIG),
            account=ACCOUNT,
            file_name=BIG,
            content_type="text/csv",
            size=BIG_FILE_BYTES,
            uploaded_at=uploaded_at,
            ready_at=uploaded_at + 312,
            outcome="completed",
            columns=_BIG_COLUMNS,
            row_count=BIG_ROWS,
            made_by="orders",
        )
    )


def _id(name: str) -> str:
    """The same for a name every time, so that addresses in notes and bookmarks stay good."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"demo {name}".encode()).digest()[:16], version=4))
