"""How many present sources and rows a key has, by status and content type.

Triggers count in the transaction that changes a source, whatever changes it: a sync, a cascade, SQL by hand.
They are renewed after each `migrate`, because a migration that rebuilds a table on SQLite drops its triggers.
"""

from django.db import connections, models, transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from datasources.models.keys import ApiKey
from datasources.models.sources import Source

_COUNTS, _SOURCES = "datasources_sourcecount", "datasources_source"
_GROUP = "key_id, status, content_type"
_NUMBERS = "n, known, rows"
_ADD = f"""
    ON CONFLICT ({_GROUP}) DO UPDATE SET n = {_COUNTS}.n + excluded.n,
    known = {_COUNTS}.known + excluded.known, rows = {_COUNTS}.rows + excluded.rows"""
_SUMS = "count(*) AS n, count(row_count) AS known, coalesce(sum(row_count), 0) AS rows"
# A statement that changes many sources changes each count once.
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {_COUNTS}_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {_COUNTS} ({_GROUP}, {_NUMBERS})
        SELECT {_GROUP}, {_SUMS} FROM added WHERE gone_at IS NULL GROUP BY {_GROUP} ORDER BY {_GROUP}{_ADD};
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE {_COUNTS} AS counts
        SET n = counts.n - gone.n, known = counts.known - gone.known, rows = counts.rows - gone.rows
        FROM (SELECT {_GROUP}, {_SUMS} FROM removed WHERE gone_at IS NULL GROUP BY {_GROUP}) AS gone
        WHERE (counts.key_id, counts.status, counts.content_type) = (gone.key_id, gone.status, gone.content_type);
    ELSE
        INSERT INTO {_COUNTS} ({_GROUP}, {_NUMBERS})
        SELECT {_GROUP}, sum(n), sum(known), sum(rows) FROM (
            SELECT {_GROUP}, {_SUMS} FROM added WHERE gone_at IS NULL GROUP BY {_GROUP}
            UNION ALL SELECT {_GROUP}, -n, -known, -rows
            FROM (SELECT {_GROUP}, {_SUMS} FROM removed WHERE gone_at IS NULL GROUP BY {_GROUP}) AS before
        ) AS changes GROUP BY {_GROUP} HAVING (sum(n), sum(known), sum(rows)) <> (0, 0, 0) ORDER BY {_GROUP}{_ADD};
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER {_COUNTS}_insert AFTER INSERT ON {_SOURCES} REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION {_COUNTS}_keep();
CREATE OR REPLACE TRIGGER {_COUNTS}_delete AFTER DELETE ON {_SOURCES} REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION {_COUNTS}_keep();
CREATE OR REPLACE TRIGGER {_COUNTS}_update AFTER UPDATE ON {_SOURCES}
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION {_COUNTS}_keep();
"""  # noqa: S608 - names only
_SQLITE_ADD = f"""
    INSERT INTO {_COUNTS} ({_GROUP}, {_NUMBERS})
    SELECT NEW.key_id, NEW.status, NEW.content_type, 1, NEW.row_count IS NOT NULL, ifnull(NEW.row_count, 0)
    WHERE NEW.gone_at IS NULL{_ADD};"""
_SQLITE_TAKE = f"""
    UPDATE {_COUNTS} SET n = n - 1, known = known - (OLD.row_count IS NOT NULL), rows = rows - ifnull(OLD.row_count, 0)
    WHERE OLD.gone_at IS NULL
    AND key_id = OLD.key_id AND status = OLD.status AND content_type = OLD.content_type;"""  # noqa: S608
_SQLITE = (
    f"CREATE TRIGGER {_COUNTS}_insert AFTER INSERT ON {_SOURCES} BEGIN{_SQLITE_ADD} END",
    f"CREATE TRIGGER {_COUNTS}_delete AFTER DELETE ON {_SOURCES} BEGIN{_SQLITE_TAKE} END",
    f"CREATE TRIGGER {_COUNTS}_update AFTER UPDATE OF {_GROUP}, gone_at, row_count ON {_SOURCES} "
    f"BEGIN{_SQLITE_TAKE}{_SQLITE_ADD} END",
)


SUMS = {"n": Count("*"), "known": Count("row_count"), "rows": Coalesce(Sum("row_count"), 0)}


class SourceCount(models.Model):
    """How many present sources of one status and content type a key has. Only triggers write it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="source_counts", db_index=False)
    status = models.CharField(max_length=50)
    content_type = models.CharField(max_length=255, blank=True)
    n = models.IntegerField()
    # How many of these have a known number of rows, and these rows.
    known = models.IntegerField(db_default=0)
    rows = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "status", "content_type"], name="one_source_count")]

    def __str__(self) -> str:
        return f"{self.n} {self.status} {self.content_type} of {self.key_id}"


def keep(using: str) -> None:
    """Renews the triggers, and counts everything once; writers wait meanwhile."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL)
        else:
            stop(using)
            for statement in _SQLITE:
                cursor.execute(statement)
        SourceCount.objects.using(using).all().delete()
        groups = Source.objects.using(using).present().order_by().values("key_id", "status", "content_type")
        counted = [SourceCount(**group) for group in groups.annotate(**SUMS)]
        SourceCount.objects.using(using).bulk_create(counted)


def stop(using: str) -> None:
    """Removes the triggers."""
    connection = connections[using]
    on = f" ON {_SOURCES}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for event in ("insert", "delete", "update"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {_COUNTS}_{event}{on}")
