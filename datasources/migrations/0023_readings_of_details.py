from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0022_source_details")]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(blank=True, db_index=True, null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("fingerprint", models.CharField(max_length=32)),
                ("datasource_id", models.UUIDField()),
                ("tried_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("fingerprint", "datasource_id"), name="one_reading_per_source")
                ],
            },
        ),
    ]
