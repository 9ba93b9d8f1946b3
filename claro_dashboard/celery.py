"""The Celery application: what runs in the workers, and what beat asks for."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")

app = Celery("claro_dashboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
