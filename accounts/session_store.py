"""Django's sessions in the database, read by a prepared query: each request reads one."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from core.queries import Prepared, Slot

_SESSION = Prepared(
    lambda: Session.objects.filter(
        session_key=Slot("session", CharField()), expire_date__gt=Slot("now", DateTimeField())
    ).values_list("session_data")
)


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, object]:
        found = _SESSION.rows(session=self.session_key, now=timezone.now())
        if found:
            return self.decode(found[0][0])
        self._session_key = None
        return {}
