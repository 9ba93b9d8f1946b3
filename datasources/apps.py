from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class DatasourcesConfig(AppConfig):
    name = "datasources"

    def ready(self) -> None:
        from datasources import signals  # noqa: F401 - registered by being imported
        from datasources.activity import sign_ins, takeover  # noqa: F401 - registered by being imported
        from datasources.keys import health  # noqa: F401 - registered by being imported

        post_migrate.connect(keep_counts, sender=self)


def keep_counts(using: str, **_more: object) -> None:
    """Renews the triggers that count sources, once their table is there."""
    from datasources.models import counts

    if counts.SourceCount._meta.db_table in connections[using].introspection.table_names():
        counts.keep(using)
