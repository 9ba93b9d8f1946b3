from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0021_probe_refused_keys")]

    operations = [
        migrations.AddField("source", "details", models.JSONField(blank=True, default=dict)),
        migrations.AddField("source", "details_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("source", "changed_at", models.DateTimeField(blank=True, null=True)),
    ]
