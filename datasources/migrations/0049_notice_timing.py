import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_removed_by"),
        ("datasources", "0048_source_count_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="Timing",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("zone", models.CharField(max_length=64)),
                ("quiet_from", models.TimeField(blank=True, null=True)),
                ("quiet_until", models.TimeField(blank=True, null=True)),
                (
                    "rhythm",
                    models.CharField(
                        choices=[
                            ("at once", "At once"),
                            ("daily", "Once a day"),
                            ("weekly", "Once a week, on Monday"),
                        ],
                        default="at once",
                        max_length=10,
                    ),
                ),
                ("hour", models.PositiveSmallIntegerField(default=8)),
                ("site", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.AddField("outlet", "taken_until", models.DateTimeField(blank=True, null=True)),
    ]
