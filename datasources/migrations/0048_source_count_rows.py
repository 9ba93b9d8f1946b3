from django.db import migrations, models

from datasources.models import counts


def stop(apps, schema_editor):
    """SQLite rebuilds the table, and refuses it while triggers name it. They are renewed after each `migrate`."""
    counts.stop(schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [("datasources", "0047_transfers")]

    operations = [
        migrations.RunPython(stop, migrations.RunPython.noop),
        migrations.AddField("sourcecount", "known", models.IntegerField(db_default=0)),
        migrations.AddField("sourcecount", "rows", models.BigIntegerField(db_default=0)),
        migrations.RemoveIndex("source", "source_rows"),
        migrations.RunPython(migrations.RunPython.noop, stop),
    ]
