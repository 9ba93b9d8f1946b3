"""The migrations say the same as the models, and fill what is new."""

from importlib import import_module
from types import SimpleNamespace

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from datasources.models import Source
from tests.support.sources import seen_by


def test_no_model_waits_for_a_migration(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_sources_of_before_are_found_by_their_names(alice, monkeypatch):
    migration = import_module("datasources.migrations.0039_folded_names")
    monkeypatch.setattr(migration, "BATCH", 2)
    for number in range(5):
        source = seen_by(alice, f"00000000-0000-0000-0000-00000000000{number}")
        Source.objects.filter(pk=source.pk).update(file_name=f"Été {number}%", folded_name="")
    migration.fold(apps, SimpleNamespace(connection=connection))
    assert {source.folded_name for source in Source.objects.all()} == {f"ete \x02{number}%" for number in range(5)}
