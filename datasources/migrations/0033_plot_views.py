from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0032_users_of_references")]

    operations = [
        migrations.AlterField(
            model_name="savedview",
            name="page",
            field=models.CharField(
                choices=[
                    ("sources:list", "Sources"),
                    ("sources:rows", "Rows"),
                    ("sources:plot", "Plot"),
                    ("downloads:list", "Downloads"),
                    ("activity:list", "Activity"),
                ],
                max_length=20,
            ),
        ),
    ]
