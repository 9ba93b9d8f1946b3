"""The state of a key, by what its calls reveal: it works, gets no answers, or is refused. Listens to the gateway."""

from datetime import timedelta

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from datasources import access, notices
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import ClaroError
from datasources.gateway import CONFIRM_AFTER
from datasources.gateway.signals import answered, budget_turned, failed, refused
from datasources.models import ApiKey, Refusal
from datasources.models.notices import Topic

# A refused key is asked again at most this often: a refusal soon after an accepted call concerns that one call only.
CONFIRM_EVERY = timedelta(minutes=1)
# `last_used_at` is noted this often, so that a busy key doesn't write to the database with every call.
USED_EVERY = timedelta(seconds=60)


@receiver(answered)
def note_answer(key: ApiKey, limit: int | None, **kwargs) -> None:
    now = timezone.now()
    used = now if key.last_used_at is None or key.last_used_at < now - USED_EVERY else key.last_used_at
    works = {"state": ApiKey.State.VALID, "problem": None, "problem_since": None}
    _write(key, {**works, "last_used_at": used, "calls_per_minute": limit or key.calls_per_minute})


@receiver(failed)
def note_problem(key: ApiKey, error: ClaroError, **kwargs) -> None:
    """Notes why the key gets no usable answers; the pages say it until a call succeeds."""
    _write(key, {"problem": error.to_dict(), "problem_since": key.problem_since or timezone.now()})


@receiver(refused)
def note_refusal(key: ApiKey, **kwargs) -> None:
    """Has the refusal confirmed, once however many calls met it. The secret may have been replaced meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        same = ApiKey.objects.select_for_update().filter(pk=key.pk, secret=key.secret)
        if not same.exclude(state=ApiKey.State.INVALID).exists():
            return
        refusal, _ = Refusal.objects.get_or_create(key=key)
        soon = now + CONFIRM_AFTER
        if refusal.accepted_at:
            soon = max(soon, refusal.accepted_at + CONFIRM_EVERY)
        Refusal.objects.filter(pk=refusal.pk, due_at=None).update(due_at=soon, attempts=0)


@receiver(budget_turned)
def show_budget(key: ApiKey, **kwargs) -> None:
    access.publish(key, "budget-changed")


def confirm_refusal(key: ApiKey) -> None:
    """Marks the key as refused and notifies its users, once."""
    same = ApiKey.objects.filter(pk=key.pk, secret=key.secret).exclude(state=ApiKey.State.INVALID)
    with transaction.atomic():
        if same.update(state=ApiKey.State.INVALID):
            log.record(What.KEY_REFUSED, None, who="Claro", key=key)
            notices.tell(key, Topic.REFUSED, {key.pk: key.label})
            access.publish(key, "keys-changed")
    key.state = ApiKey.State.INVALID


def _write(key: ApiKey, values: dict[str, object]) -> None:
    changed = {name: value for name, value in values.items() if getattr(key, name) != value}
    if changed:
        # The secret may have been replaced meanwhile: what the old one met says nothing about the new.
        ApiKey.objects.filter(pk=key.pk, secret=key.secret).update(**changed)
        for name, value in changed.items():
            setattr(key, name, value)
        if changed.keys() & {"state", "problem"}:
            access.publish(key, "keys-changed")
