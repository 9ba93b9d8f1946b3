"""Sources as several keys see them."""

import uuid

from django.utils import timezone

from datasources import keys
from datasources.models import ApiKey, Source


def seen_by(owner, datasource_id: uuid.UUID, label: str = "Main", **key_fields) -> Source:
    """The source as a new key of this person sees it."""
    key = keys.add(owner, label, f"claro_live_{uuid.uuid4().hex}", ApiKey.State.VALID)
    ApiKey.objects.filter(pk=key.pk).update(**key_fields)
    at = timezone.now()
    return Source.objects.create(
        key=key, datasource_id=datasource_id, status="completed", first_seen_at=at, last_seen_at=at
    )
