"""Offers of a key or a team to another person."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.models import AccessLoss, Membership, Team
from accounts.roles import Role
from datasources.models.keys import ApiKey


class Transfers(models.QuerySet["Transfer"]):
    def open(self) -> Self:
        """Those that can be accepted: in time, and by a person who still owns the key or the team.

        A team is offered to a member. Leaving, removal and demotion since then end the offer.
        """
        of_team, to = Membership.objects.filter(team=OuterRef("team")), OuterRef("receiver")
        lost = AccessLoss.objects.filter(team=OuterRef("team"), user=to, at__gte=OuterRef("created_at"))
        is_owned = Exists(of_team.filter(user=OuterRef("offered_by"), role=Role.OWNER))
        is_member = Exists(of_team.filter(user=to))
        works = Q(key__owner=F("offered_by")) | Q(is_owned, is_member, ~Exists(lost))
        now = timezone.now()
        return self.filter(works, state=Transfer.State.OPEN, expires_at__gt=now, offered_by__is_active=True)


class Transfer(models.Model):
    """An offer of a key or a team. Its receiver accepts or declines it (transfers/)."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # One of the two.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="transfers")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="transfers")
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # The address as it was entered, and its account then. Without an account the offer looks the same and expires.
    email = models.EmailField()
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = Transfers.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(key=None, team__isnull=False) | Q(key__isnull=False, team=None), name="a_key_or_a_team"
            ),
            models.UniqueConstraint(fields=["key"], condition=Q(state="open"), name="one_offer_of_a_key"),
            models.UniqueConstraint(fields=["team"], condition=Q(state="open"), name="one_offer_of_a_team"),
        ]

    def __str__(self) -> str:
        return f"{self.state} offer {self.pk}"

    @property
    def is_open(self) -> bool:
        """One query."""
        return Transfer.objects.open().filter(pk=self.pk).exists()

    @property
    def kind(self) -> str:
        return "key" if self.key_id else "team"

    @property
    def name(self) -> str:
        """The name of what is offered."""
        return self.key.label if self.key else self.team.name
