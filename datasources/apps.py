from django.apps import AppConfig


class DatasourcesConfig(AppConfig):
    name = "datasources"

    def ready(self) -> None:
        from datasources import signals  # noqa: F401 - registered by being imported
        from datasources.activity import sign_ins, takeover  # noqa: F401 - registered by being imported
        from datasources.keys import health  # noqa: F401 - registered by being imported
