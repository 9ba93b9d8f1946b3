"""How many present sources a key has, by status and content type: kept by triggers, with each write to the mirror.

Triggers count in the transaction that changes a source, whatever changes it: a sync, a cascade, SQL by hand.
They are checked after each `migrate`, because a migration that rebuilds a table on SQLite drops its triggers.
"""

from django.db import connections, models, transaction
from django.db.models import Count

from datasources.models.keys import ApiKey
from datasources.models.sources import Source

_COUNTS, _SOURCES = "datasources_sourcecount", "datasources_source"
_GROUP = "key_id, status, content_type"
_ADD = f"""
    ON CONFLICT ({_GROUP}) DO UPDATE SET n = {_COUNTS}.n + excluded.n"""
# A statement that changes many sources changes each count once.
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {_COUNTS}_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {_COUNTS} ({_GROUP}, n)
        SELECT {_GROUP}, count(*) FROM added WHERE gone_at IS NULL GROUP BY {_GROUP} ORDER BY {_GROUP}{_ADD};
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE {_COUNTS} AS counts SET n = counts.n - gone.n
        FROM (SELECT {_GROUP}, count(*) AS n FROM removed WHERE gone_at IS NULL GROUP BY {_GROUP}) AS gone
        WHERE (counts.key_id, counts.status, counts.content_type) = (gone.key_id, gone.status, gone.content_type);
    ELSE
        INSERT INTO {_COUNTS} ({_GROUP}, n)
        SELECT {_GROUP}, sum(n) FROM (
            SELECT {_GROUP}, 1 AS n FROM added WHERE gone_at IS NULL
            UNION ALL SELECT {_GROUP}, -1 FROM removed WHERE gone_at IS NULL
        ) AS changes GROUP BY {_GROUP} HAVING sum(n) <> 0 ORDER BY {_GROUP}{_ADD};
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
    INSERT INTO {_COUNTS} ({_GROUP}, n)
    SELECT NEW.key_id, NEW.status, NEW.content_type, 1 WHERE NEW.gone_at IS NULL{_ADD};"""
_SQLITE_TAKE = f"""
    UPDATE {_COUNTS} SET n = n - 1 WHERE OLD.gone_at IS NULL
    AND key_id = OLD.key_id AND status = OLD.status AND content_type = OLD.content_type;"""  # noqa: S608
_SQLITE = (
    f"CREATE TRIGGER IF NOT EXISTS {_COUNTS}_insert AFTER INSERT ON {_SOURCES} BEGIN{_SQLITE_ADD} END",
    f"CREATE TRIGGER IF NOT EXISTS {_COUNTS}_delete AFTER DELETE ON {_SOURCES} BEGIN{_SQLITE_TAKE} END",
    f"CREATE TRIGGER IF NOT EXISTS {_COUNTS}_update AFTER UPDATE OF {_GROUP}, gone_at ON {_SOURCES} "
    f"BEGIN{_SQLITE_TAKE}{_SQLITE_ADD} END",
)


class SourceCount(models.Model):
    """How many present sources of one status and content type a key has. Only triggers write it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="source_counts", db_index=False)
    status = models.CharField(max_length=50)
    content_type = models.CharField(max_length=255, blank=True)
    n = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "status", "content_type"], name="one_source_count")]

    def __str__(self) -> str:
        return f"{self.n} {self.status} {self.content_type} of {self.key_id}"


def keep(using: str) -> None:
    """Creates the triggers where they are missing, and counts everything once; writers wait meanwhile."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for statement in (_POSTGRESQL,) if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)
        SourceCount.objects.using(using).all().delete()
        groups = Source.objects.using(using).present().order_by().values("key_id", "status", "content_type")
        counted = [SourceCount(**group) for group in groups.annotate(n=Count("*"))]
        SourceCount.objects.using(using).bulk_create(counted)


def stop(using: str) -> None:
    """Removes the triggers."""
    connection = connections[using]
    on = f" ON {_SOURCES}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for event in ("insert", "delete", "update"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {_COUNTS}_{event}{on}")
