"""Teams: making them, inviting people, changing what they may do. A team is never without an owner.

Access that was taken stays taken: see AccessLoss, and `is_open` for invitations of people who may not invite any more.
"""

from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import AccessLoss, Invitation, Membership, Team, User
from accounts.quotas import require_room
from accounts.roles import Role, may_give

# The session remembers by which invitation somebody came: they may sign up where sign-up is closed, and come back.
SESSION_NAME = "invitation"
_signer = signing.Signer(salt="accounts.invitation", sep=".")


class LastOwner(Exception):
    """The change would leave the team without an owner."""


class InvitationEnded(Exception):
    """Used up, revoked, or past its time."""


class MadeBeforeLeaving(Exception):
    """This person left the team, was removed or demoted after the invitation was made."""


class ForSomebodyElse(Exception):
    """The invitation names another address."""


def create(name: str, by: User) -> Team:
    """Raises QuotaReached."""
    with transaction.atomic():
        mine = Membership.objects.filter(user=by)
        require_room(by, "teams", mine.filter(role=Role.OWNER))
        require_room(by, "memberships", mine)
        team = Team.objects.create(name=name)
        Membership.objects.create(team=team, user=by, role=Role.OWNER)
    return team


def set_role(membership: Membership, role: Role) -> list[Invitation]:
    """Changes a role; gives the open invitations that this revokes: their maker may not give that role any more.

    After a demotion, older invitations do not bring the former role back. Raises LastOwner.
    """
    with transaction.atomic():
        _keep_an_owner(membership, but_for=role == Role.OWNER)
        before = Membership.objects.filter(pk=membership.pk).values_list("role", flat=True).first()
        if before is None:  # removed meanwhile
            return []
        membership.role = role
        membership.save(update_fields=["role"])
        if role >= before:
            return []
        _note_loss(membership)
        return _revoke_beyond(membership, role)


def lock(team_id: UUID) -> None:
    """One change of a team at a time; SQLite has one writer anyway."""
    Team.objects.select_for_update().filter(pk=team_id).first()


def transfer(team: Team, former: User, receiver: User) -> list[Invitation]:
    """Makes one member an owner and the `former` owner an admin; returns the open invitations that this revokes.

    Raises QuotaReached, and Membership.DoesNotExist for a person who is not in the team.
    """
    with transaction.atomic():
        lock(team.pk)
        mine = Membership.objects.filter(user=receiver)
        theirs = mine.get(team=team)
        if theirs.role < Role.OWNER:
            require_room(receiver, "teams", mine.filter(role=Role.OWNER))
            set_role(theirs, Role.OWNER)
        return set_role(Membership.objects.get(team=team, user=former), Role.ADMIN)


def remove(membership: Membership, by: User | None = None) -> list[Invitation]:
    """Removes a user from the team and returns their open invitations, which it revokes.

    `by` is another user who removes them, and whose address they read. They can return only with a later invitation,
    also after leaving voluntarily. Raises LastOwner.
    """
    with transaction.atomic():
        _keep_an_owner(membership)
        membership.delete()
        _note_loss(membership, removed_by=by.email if by else "")
        return _revoke_beyond(membership, None)


def invite(
    team: Team, by: User, role: Role, expires_at: datetime, email: str = "", *, is_single_use: bool = True
) -> Invitation:
    """Raises PermissionDenied where `by` may not give this role (any more), and QuotaReached."""
    with transaction.atomic():
        lock(team.pk)
        if not may_give(_role_of(by.pk, team.pk), role):
            raise PermissionDenied
        now = timezone.now()
        unused = Q(is_single_use=False) | Q(uses=0)
        require_room(
            by, "invitations", Invitation.objects.filter(unused, invited_by=by, revoked_at=None, expires_at__gt=now)
        )
        return Invitation.objects.create(
            team=team, invited_by=by, role=role, expires_at=expires_at, email=email.lower(), is_single_use=is_single_use
        )


def token(invitation: Invitation) -> str:
    """The token of the invitation's link: its id and a signature. It can be shown again and is not stored."""
    return _signer.sign(str(invitation.pk))


def find_invitation(token: str) -> Invitation | None:
    """The invitation of a link, ended ones too; None for a link that we did not make."""
    try:
        found = Invitation.objects.filter(pk=_signer.unsign(token))
    except (signing.BadSignature, ValidationError):
        return None
    return found.select_related("team", "invited_by").first()


def is_open(invitation: Invitation) -> bool:
    """Whether it still lets a person in: its maker must be active, and may still give its role. One query."""
    inviter_id = invitation.invited_by_id
    return invitation.is_open and may_give(inviter_id and _role_of(inviter_id, invitation.team_id), invitation.role)


def open_invitations(team: Team) -> list[Invitation]:
    """Those that still let people in, the newest first. Two queries."""
    found = team.invitations.filter(revoked_at=None, expires_at__gt=timezone.now()).select_related("invited_by")
    roles = dict(team.memberships.filter(user__is_active=True).values_list("user", "role"))
    return [one for one in found if one.is_open and may_give(roles.get(one.invited_by_id), one.role)]


def accept(invitation: Invitation, user: User) -> Membership:
    """Adds the user to the team. A member keeps the higher role.

    Raises InvitationEnded, MadeBeforeLeaving, ForSomebodyElse and QuotaReached.
    """
    with transaction.atomic():
        lock(invitation.team_id)  # before the invitation, as everything does that changes who is in the team
        found = Invitation.objects.select_for_update(of=("self",)).select_related("team").filter(pk=invitation.pk)
        current = found.first()
        if current is None or not is_open(current):
            raise InvitationEnded
        if current.email and current.email != user.email:
            raise ForSomebodyElse
        if has_lost_since(current, user):
            raise MadeBeforeLeaving
        mine = Membership.objects.filter(user=user)
        if not mine.filter(team=current.team).exists():
            require_room(user, "memberships", mine)
        membership, is_new = Membership.objects.get_or_create(
            team=current.team, user=user, defaults={"role": current.role}
        )
        if is_new or membership.role < current.role:
            membership.role = current.role
            membership.save(update_fields=["role"])
            Invitation.objects.filter(pk=current.pk).update(uses=F("uses") + 1)
    return membership


def has_lost_since(invitation: Invitation, user: User) -> bool:
    """Whether this person left the team, was removed or demoted after the invitation was made."""
    is_theirs = Q(user=user) | Q(email__in=_addresses_of(user))
    return AccessLoss.objects.filter(is_theirs, team=invitation.team_id, at__gte=invitation.created_at).exists()


def removal_of(user: User, team_id: UUID) -> AccessLoss | None:
    """The removal by which this user is out of the team; None for those who left, or were never in it. One query."""
    lost = AccessLoss.objects.filter(user=user, team=team_id).select_related("team").order_by("-at").first()
    return lost if lost and lost.removed_by else None


def revoke(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())


def invitations_of(user: User) -> list[Invitation]:
    """The open ones that this person made, in all teams. One query."""
    found = Invitation.objects.filter(invited_by=user, revoked_at=None, expires_at__gt=timezone.now())
    return [one for one in found.select_related("team") if one.is_open]


def delete_invitations_of(user: User) -> int:
    """Deletes the open invitations of this user in all teams; returns their number."""
    return Invitation.objects.filter(pk__in=[one.pk for one in invitations_of(user)]).delete()[0]


def invitation_of(session) -> Invitation | None:
    """The open invitation through which this session arrived."""
    invitation_id: str | None = session.get(SESSION_NAME)
    invitation = invitation_id and Invitation.objects.filter(pk=UUID(invitation_id)).first()
    return invitation if invitation and is_open(invitation) else None


def _keep_an_owner(membership: Membership, *, but_for: bool = False) -> None:
    lock(membership.team_id)
    owners = Membership.objects.filter(team=membership.team_id, role=Role.OWNER)
    if not but_for and owners.filter(pk=membership.pk).exists() and owners.count() == 1:
        raise LastOwner


def _role_of(user_id: int, team_id: UUID) -> int | None:
    active = Membership.objects.filter(team=team_id, user=user_id, user__is_active=True)
    return active.values_list("role", flat=True).first()


def _addresses_of(user: User) -> set[str]:
    others = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {user.email.lower(), *(address.lower() for address in others)}


def _note_loss(membership: Membership, removed_by: str = "") -> None:
    lost = [
        AccessLoss(team_id=membership.team_id, user_id=membership.user_id, email=email, removed_by=removed_by)
        for email in _addresses_of(membership.user)
    ]
    AccessLoss.objects.bulk_create(lost)


def _revoke_beyond(membership: Membership, role: Role | None) -> list[Invitation]:
    """Revokes the open invitations of this person that give more than they may with `role` (None: out of the team)."""
    made = Invitation.objects.filter(team=membership.team_id, invited_by=membership.user_id, revoked_at=None)
    beyond = [one for one in made if one.is_open and not may_give(role, one.role)]
    for one in beyond:
        revoke(one)
    return beyond
