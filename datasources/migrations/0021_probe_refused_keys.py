from django.db import migrations
from django.utils import timezone


def probe(apps, schema_editor):
    """Keys that were refused before this version are asked again soon."""
    ApiKey, Refusal = (apps.get_model("datasources", name) for name in ("ApiKey", "Refusal"))
    refused = ApiKey.objects.filter(state="invalid", refusal=None)
    Refusal.objects.bulk_create([Refusal(key=key, due_at=timezone.now()) for key in refused])


class Migration(migrations.Migration):
    dependencies = [("datasources", "0020_refusals")]

    operations = [migrations.RunPython(probe, migrations.RunPython.noop)]
