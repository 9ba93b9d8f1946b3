from django.db import migrations

COUNT_MAX = 2**31 - 1
AT_ONCE = 1000


def fill(apps, schema_editor):
    """The numbers of rows that stored answers have; details win, which only open files have."""
    Source = apps.get_model("datasources", "Source")
    found = Source.objects.filter(row_count=None).only("extra", "details")
    batch = []
    for source in found.iterator(AT_ONCE):
        value = {**source.extra, **source.details}.get("rowCount")
        if type(value) is int and 0 <= value <= COUNT_MAX:
            source.row_count = value
            batch.append(source)
        if len(batch) == AT_ONCE:
            Source.objects.bulk_update(batch, ["row_count"])
            batch = []
    Source.objects.bulk_update(batch, ["row_count"])


class Migration(migrations.Migration):
    dependencies = [("datasources", "0043_row_counts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
