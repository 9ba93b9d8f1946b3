import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasources", "0040_source_counts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="key",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="datasources.apikey",
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="topic",
            field=models.CharField(
                choices=[
                    ("processed", "A file is processed"),
                    ("failed", "Processing failed"),
                    ("refused", "Claro refuses the key"),
                    ("shares", "A share link is used up or about to end"),
                    ("guessed", "Wrong passwords are tried at a share link"),
                    ("removed", "Somebody removed the user from a team"),
                ],
                max_length=20,
            ),
        ),
    ]
