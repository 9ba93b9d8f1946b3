from django.apps import AppConfig
from django.apps import apps as registry
from django.apps.registry import Apps
from django.db.models.signals import post_migrate


class DatasourcesConfig(AppConfig):
    name = "datasources"

    def ready(self) -> None:
        from datasources import signals  # noqa: F401 - registered by being imported
        from datasources.activity import sign_ins, takeover  # noqa: F401 - registered by being imported
        from datasources.keys import health  # noqa: F401 - registered by being imported

        post_migrate.connect(keep_counts, sender=self)


def keep_counts(using: str, apps: Apps = registry, **_more: object) -> None:
    """Renews the triggers that count sources, unless a `migrate` ended at an older state of their table."""
    from datasources.models import SourceCount, counts

    tables = (SourceCount, apps.all_models["datasources"].get("sourcecount"))
    now, then = ({field.name for field in table._meta.local_fields} if table else set() for table in tables)
    if now == then:
        counts.keep(using)
