from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0042_corrections")]

    operations = [
        migrations.AddField(
            model_name="source",
            name="row_count",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="source",
            index=models.Index(
                condition=models.Q(("row_count__isnull", False)),
                fields=["key", "gone_at", "status", "row_count", "datasource_id"],
                name="source_rows",
            ),
        ),
    ]
