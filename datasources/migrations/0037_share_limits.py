from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasources", "0036_share_undo"),
    ]

    operations = [
        migrations.AddField(
            model_name="sharedfile",
            name="uses",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="sharelink",
            name="limits_each",
            field=models.BooleanField(default=False),
        ),
    ]
