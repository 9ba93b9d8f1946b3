from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0023_readings_of_details")]

    operations = [
        migrations.CreateModel(
            name="Newest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(blank=True, db_index=True, null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("fingerprint", models.CharField(max_length=32, unique=True)),
                ("read_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"abstract": False},
        ),
    ]
