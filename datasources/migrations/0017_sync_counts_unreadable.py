from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasources", "0016_covering_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="sync",
            name="unreadable",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
