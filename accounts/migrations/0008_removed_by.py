from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_last_active"),
    ]

    operations = [
        migrations.AddField(
            model_name="accessloss",
            name="removed_by",
            field=models.EmailField(blank=True, default="", max_length=254),
            preserve_default=False,
        ),
    ]
