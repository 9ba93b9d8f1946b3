from django.contrib.staticfiles.apps import StaticFilesConfig


class StaticFiles(StaticFilesConfig):
    # The htmx that django-htmx ships is another version, and its modules don't survive hashing.
    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "django_htmx"]
