import django.db.models.deletion
from django.db import migrations, models

from datasources.models import counts


def stop(apps, schema_editor):
    counts.stop(schema_editor.connection.alias)


class Migration(migrations.Migration):
    """The triggers that write the counts are created after each `migrate` (models/counts.py)."""

    dependencies = [("datasources", "0039_folded_names")]

    operations = [
        migrations.CreateModel(
            name="SourceCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("status", models.CharField(max_length=50)),
                ("content_type", models.CharField(blank=True, max_length=255)),
                ("n", models.IntegerField()),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="source_counts",
                        to="datasources.apikey",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "status", "content_type"), name="one_source_count")
                ],
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, stop),
    ]
