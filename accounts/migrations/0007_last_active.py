from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="active_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
