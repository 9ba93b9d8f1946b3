from django.db import migrations, models

from datasources.models.sources import FoldedName, NewestFirst

BATCH = 2_000
PRESENT = models.Q(gone_at=None)


def fold(apps, schema_editor):
    """Writes the folded names of all sources; 100,000 take some seconds."""
    model = apps.get_model("datasources", "Source")
    sources = model.objects.exclude(file_name="").order_by("pk").values_list("pk", "file_name")
    last = 0
    while batch := list(sources.filter(pk__gt=last)[:BATCH]):
        last = batch[-1][0]
        with schema_editor.connection.cursor() as cursor:
            changes = [(FoldedName.of(name), pk) for pk, name in batch]
            cursor.executemany(f"UPDATE {model._meta.db_table} SET folded_name = %s WHERE id = %s", changes)  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("datasources", "0038_download_batches")]

    operations = [
        migrations.AddField("source", "folded_name", FoldedName(db_default="", editable=False)),
        migrations.RunPython(fold, migrations.RunPython.noop),
        migrations.RemoveIndex("source", "source_list"),
        migrations.RemoveIndex("source", "source_counts"),
        migrations.AddIndex(
            "source",
            NewestFirst(
                fields=["key", "-uploaded_at", "-id", "datasource_id", "folded_name"],
                name="source_newest",
                condition=PRESENT,
            ),
        ),
        migrations.AddIndex(
            "source",
            models.Index(
                fields=["key", "status", "content_type", "datasource_id", "folded_name"],
                name="source_kinds",
                condition=PRESENT,
            ),
        ),
    ]
