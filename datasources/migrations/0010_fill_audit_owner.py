from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    keys = apps.get_model("datasources", "ApiKey").objects.filter(pk=OuterRef("key_uuid"))
    events = apps.get_model("datasources", "AuditEvent").objects.exclude(key_uuid=None)
    events.update(owner=Subquery(keys.values("owner")[:1]))


class Migration(migrations.Migration):
    dependencies = [("datasources", "0009_audit_owner")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
