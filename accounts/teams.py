"""Teams: making them, inviting people, changing what they may do. A team is never without an owner."""

from datetime import datetime
from uuid import UUID

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Invitation, Membership, Team, User
from accounts.roles import Role

# The session remembers by which invitation somebody came: they may sign up where sign-up is closed, and come back.
SESSION_NAME = "invitation"
_signer = signing.Signer(salt="accounts.invitation", sep=".")


class LastOwner(Exception):
    """Nobody would be left to look after the team."""


class InvitationEnded(Exception):
    """Used up, revoked, or past its time."""


class ForSomebodyElse(Exception):
    """The invitation names another address."""


def create(name: str, by: User) -> Team:
    with transaction.atomic():
        team = Team.objects.create(name=name)
        Membership.objects.create(team=team, user=by, role=Role.OWNER)
    return team


def set_role(membership: Membership, role: Role) -> None:
    """Raises LastOwner."""
    with transaction.atomic():
        _keep_an_owner(membership, but_for=role == Role.OWNER)
        membership.role = role
        membership.save(update_fields=["role"])


def remove(membership: Membership) -> None:
    """Takes somebody out of the team, at once. Raises LastOwner."""
    with transaction.atomic():
        _keep_an_owner(membership)
        membership.delete()


def invite(
    team: Team, by: User, role: Role, expires_at: datetime, email: str = "", *, is_single_use: bool = True
) -> Invitation:
    return Invitation.objects.create(
        team=team, invited_by=by, role=role, expires_at=expires_at, email=email.lower(), is_single_use=is_single_use
    )


def token(invitation: Invitation) -> str:
    """What stands in the invitation's link: its id and our signature. It can be shown again, and is kept nowhere."""
    return _signer.sign(str(invitation.pk))


def find_invitation(token: str) -> Invitation | None:
    """The invitation of a link, ended ones too; None for a link that we did not make."""
    try:
        found = Invitation.objects.filter(pk=_signer.unsign(token))
    except (signing.BadSignature, ValidationError):
        return None
    return found.select_related("team", "invited_by").first()


def accept(invitation: Invitation, user: User) -> Membership:
    """Joins the team. Who is in it already keeps the higher role. Raises InvitationEnded and ForSomebodyElse."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().select_related("team").get(pk=invitation.pk)
        if not invitation.is_open:
            raise InvitationEnded
        if invitation.email and invitation.email != user.email:
            raise ForSomebodyElse
        membership, is_new = Membership.objects.get_or_create(
            team=invitation.team, user=user, defaults={"role": invitation.role}
        )
        if is_new or membership.role < invitation.role:
            membership.role = invitation.role
            membership.save(update_fields=["role"])
            Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") + 1)
    return membership


def revoke(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())


def invitation_of(session) -> Invitation | None:
    """The invitation by which whoever has this session came, while it still holds."""
    invitation_id: str | None = session.get(SESSION_NAME)
    invitation = invitation_id and Invitation.objects.filter(pk=UUID(invitation_id)).first()
    return invitation if invitation and invitation.is_open else None


def _keep_an_owner(membership: Membership, *, but_for: bool = False) -> None:
    Team.objects.select_for_update().get(pk=membership.team_id)  # one at a time; SQLite has one writer anyway
    owners = Membership.objects.filter(team=membership.team_id, role=Role.OWNER)
    if not but_for and owners.filter(pk=membership.pk).exists() and owners.count() == 1:
        raise LastOwner
