from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasources", "0034_uploads"),
    ]

    operations = [
        migrations.AddField(
            model_name="sharelink",
            name="names_sender",
            field=models.BooleanField(default=False),
        ),
    ]
