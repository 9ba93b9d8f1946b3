from django.apps import AppConfig


class DatasourcesConfig(AppConfig):
    name = "datasources"

    def ready(self) -> None:
        from datasources import checks, sign_in_log, signals, takeover  # noqa: F401 - registered by being imported
