from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasources", "0017_notice_of_guesses"),
    ]

    operations = [
        migrations.AddField(
            model_name="sync",
            name="unreadable",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
