from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import invitations, teams
from accounts.forms import InviteForm, RoleForm, TeamDeleteForm, TeamForm
from accounts.models import Invitation, Membership
from accounts.people import with_address
from accounts.quotas import QuotaReached
from accounts.roles import TABLE, Action, Role, may
from datasources import access, keys, notices, recent, tasks
from datasources.activity import log
from datasources.activity.words import What
from datasources.keys.forms import TeamKeyForm
from datasources.keys.leaving import ends_with
from datasources.models import KeyShare
from datasources.views.guards import FORM, POST, RoleTooLow, of_team
from datasources.views.pages import render_page, render_question

NO_OWNER = "A team needs an owner. Transfer it, or make another member an owner first."
ANYBODY = "anyone with the link"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def list_teams(request: HttpRequest) -> HttpResponse:
    """The user's teams, and the form for a new one."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            team = teams.create(form.cleaned_data["name"], request.user)
        except QuotaReached as error:
            form.add_error("name", str(error))
        else:
            log.record(What.TEAM_MADE, request.user, about=team.name, teams=[team])
            messages.success(request, f"Team created: {team.name}. Invite people, then share a key with it.")
            return redirect("teams:team", team.pk)
    offers = access.offers_to(request.user).open().exclude(team=None)
    context = {"form": form, "roles": Role, "table": TABLE, "offers": offers}
    return render_page(request, "teams/list.html", context, 422 if form.errors else 200)


@of_team(*FORM)
def team(request: HttpRequest, own: Membership) -> HttpResponse:
    """The team's members, invitations and keys."""
    recent.note(request.user.pk, "team", own.team_id)
    form = InviteForm(own.role, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        _require(own, Action.PEOPLE)
        if form.is_valid() and _invite(request, own, form):
            return redirect("teams:team", own.team_id)
    return _team(request, own, form, 422 if form.errors else 200)


@of_team(*POST, action=Action.PEOPLE)
def set_role(request: HttpRequest, own: Membership, membership_id: int) -> HttpResponse:
    theirs, form = _other(own, membership_id), RoleForm(own.role, request.POST)
    if not form.is_valid():
        messages.error(request, "You can't assign this role.")
        return redirect("teams:team", own.team_id)
    role = form.cleaned_data["role"]
    try:
        revoked = teams.set_role(theirs, role)
    except teams.LastOwner:
        messages.error(request, NO_OWNER)
    else:
        log.record(What.ROLE_CHANGED, request.user, about=theirs.user.email, teams=[own.team], role=role.label)
        _record_revoked(request, own, revoked)
        messages.success(request, f"{with_address(theirs.user)} is now {role.in_a_sentence}.{_revoked_words(revoked)}")
    return redirect("teams:team", own.team_id)


@of_team(*FORM, action=Action.PEOPLE)
def remove(request: HttpRequest, own: Membership, membership_id: int) -> HttpResponse:
    theirs = _other(own, membership_id)
    if request.method != "POST":
        return _what_ends(request, own, theirs, f"Remove {with_address(theirs.user)} from {own.team}?", "Remove")
    try:
        with transaction.atomic():
            by = request.user if theirs != own else None
            revoked = teams.remove(theirs, by)
            if by:
                notices.tell_removed(theirs.user, own.team.name, with_address(by))
    except teams.LastOwner:
        messages.error(request, NO_OWNER)
    else:
        log.record(What.REMOVED, request.user, about=theirs.user.email, teams=[own.team])
        _record_revoked(request, own, revoked)
        messages.success(request, f"Removed {with_address(theirs.user)} from {own.team}.{_revoked_words(revoked)}")
    return redirect("teams:team", own.team_id)


@of_team(*FORM)
def leave(request: HttpRequest, own: Membership) -> HttpResponse:
    if request.method != "POST":
        return _what_ends(request, own, own, f"Leave {own.team}?", "Leave the team")
    try:
        revoked = teams.remove(own)
    except teams.LastOwner:
        messages.error(request, NO_OWNER)
        return redirect("teams:team", own.team_id)
    log.record(What.LEFT, request.user, teams=[own.team])
    _record_revoked(request, own, revoked)
    messages.success(request, f"You left {own.team}.{_revoked_words(revoked)}")
    return redirect("teams:list")


@of_team(*FORM, action=Action.PEOPLE)
def revoke(request: HttpRequest, own: Membership, invitation_id: UUID) -> HttpResponse:
    invitation = get_object_or_404(own.team.invitations, pk=invitation_id)
    about = invitation.email or ANYBODY
    if request.method != "POST":
        text = "The link stops working immediately. People who already joined stay in the team."
        return _question(request, own, f"Cancel the invitation for {about}?", text, "Cancel invitation")
    teams.revoke(invitation)
    log.record(What.INVITATION_REVOKED, request.user, about=about, teams=[own.team])
    messages.success(request, "Invitation cancelled.")
    return redirect("teams:team", own.team_id)


@of_team(*POST, action=Action.PEOPLE)
@never_cache
def invitation_link(request: HttpRequest, own: Membership, invitation_id: UUID) -> HttpResponse:
    """The link of an open invitation as plain text, for the clipboard."""
    invitation = get_object_or_404(own.team.invitations, pk=invitation_id)
    if not teams.is_open(invitation):
        return HttpResponse("This invitation has expired.\n", status=410, content_type="text/plain; charset=utf-8")
    path = reverse("invitation", args=[teams.token(invitation)])
    return HttpResponse(request.build_absolute_uri(path), content_type="text/plain; charset=utf-8")


@of_team(*POST, action=Action.KEYS)
def share_key(request: HttpRequest, own: Membership) -> HttpResponse:
    """Shares one of the user's own keys with the team."""
    form = TeamKeyForm(request.user, own.team, request.POST)
    if form.is_valid():
        key = form.cleaned_data["key"]
        keys.share(key, [own.team])
        log.record(What.KEY_SHARED, request.user, key=key, teams=[own.team])
        messages.success(request, f"{key.label} is shared with {own.team}.")
    else:
        messages.error(request, "Choose one of your keys that the team does not have.")
    return redirect("teams:team", own.team_id)


@of_team(*FORM)
def unshare(request: HttpRequest, own: Membership, key_id: UUID) -> HttpResponse:
    """Takes a key from the team, by its owner or those who may share keys, once that was confirmed."""
    share = get_object_or_404(KeyShare.objects.select_related("key__owner"), team=own.team, key=key_id)
    if not may(own.role, Action.KEYS) and share.key.owner_id != request.user.pk:
        raise RoleTooLow(Action.KEYS, own.team)
    if request.method != "POST":
        text = (
            f"Everyone in the team but the owner of the key loses access to its files. Share links that they made stop "
            f"working. Only {with_address(share.key.owner)} can share the key again."
        )
        title = f"Stop sharing {share.key.label} with {own.team}?"
        return render_question(request, title, text, "Stop sharing", reverse("teams:team", args=[own.team_id]))
    log.record(What.KEY_UNSHARED, request.user, key=share.key, teams=[own.team])
    share.delete()
    messages.success(request, f"{share.key.label} is no longer shared with {own.team}.")
    return redirect("teams:team", own.team_id)


@of_team(*FORM, action=Action.OWN)
def rename(request: HttpRequest, own: Membership) -> HttpResponse:
    before = own.team.name
    form = TeamForm(request.POST if request.method == "POST" else None, instance=own.team)
    if request.method == "POST" and form.is_valid():
        form.save()
        log.record(What.TEAM_RENAMED, request.user, about=own.team.name, teams=[own.team], before=before)
        messages.success(request, f"Team renamed to {own.team.name}.")
        return redirect("teams:team", own.team_id)
    context = {"form": form, "own": own, "name": before}
    return render_page(request, "teams/rename.html", context, 422 if form.errors else 200)


@of_team(*FORM, action=Action.OWN)
def delete(request: HttpRequest, own: Membership) -> HttpResponse:
    form = TeamDeleteForm(own.team, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        log.record(What.TEAM_DELETED, request.user, about=own.team.name)
        own.team.delete()
        messages.success(request, f"Team deleted: {own.team.name}. Its keys stay with their owners.")
        return redirect("teams:list")
    context = {"form": form, "own": own, "people": own.team.memberships.count(), "keys": own.team.key_shares.count()}
    return render_page(request, "teams/delete.html", context, 422 if form.errors else 200)


def _question(request: HttpRequest, own: Membership, title: str, text: str, act: str) -> HttpResponse:
    return render_question(request, title, text, act, reverse("teams:team", args=[own.team_id]))


def _what_ends(request: HttpRequest, own: Membership, whose: Membership, title: str, act: str) -> HttpResponse:
    """Asks once before a membership ends, and lists what ends with it."""
    back = reverse("teams:team", args=[own.team_id])
    context = {"title": title, "act": act, "back": back, "ends": ends_with(whose), "is_own": whose == own}
    return render_page(request, "teams/ends.html", context)


def _invite(request: HttpRequest, own: Membership, form: InviteForm) -> bool:
    """True if all are invited; else the form has the errors, and the addresses that are left."""
    asked = form.cleaned_data
    role, expires_at = asked["role"], timezone.now() + timedelta(days=asked["days"])
    if not asked["email"]:
        return _make_link(request, own, form, expires_at)
    made, left_out = invitations.invite_each(own.team, request.user, role, expires_at, asked["email"])
    for invitation in made:
        log.record(What.INVITED, request.user, about=invitation.email, teams=[own.team], role=role.label)
    site = request.build_absolute_uri("/")
    mailed = [invitation for invitation in made if settings.EMAIL_URL and tasks.mail(invitation, site)]
    _say_invited(request, mailed, [invitation for invitation in made if invitation not in mailed])
    if left_out:
        form.leave(left_out)
    return not left_out


def _make_link(request: HttpRequest, own: Membership, form: InviteForm, expires_at: datetime) -> bool:
    """An invitation without an address; its link is copied and sent by the user."""
    role, single = form.cleaned_data["role"], form.cleaned_data["is_single_use"]
    try:
        invitations.invite(own.team, request.user, role, expires_at, is_single_use=single)
    except (invitations.TooManyInvitations, QuotaReached) as error:
        form.add_error("email", str(error))
        return False
    log.record(What.INVITED, request.user, about=ANYBODY, teams=[own.team], role=role.label)
    messages.success(request, "Invitation created. Copy its link below and send it.")
    return True


def _say_invited(request: HttpRequest, mailed: list[Invitation], unmailed: list[Invitation]) -> None:
    def created(made: list[Invitation]) -> str:
        one = f"Invitation for {made[0].email} created"
        return one if len(made) == 1 else f"Invitations for {len(made):,} people created"

    if mailed:
        on_the_way = "The mail is on its way." if len(mailed) == 1 else "The mails are on their way."
        messages.success(request, f"{created(mailed)}. {on_the_way}")
    if unmailed:
        copy = "Copy its link below and send it." if len(unmailed) == 1 else "Copy their links below and send them."
        if settings.EMAIL_URL:
            messages.warning(request, f"{created(unmailed)}, but not mailed. {copy}")
        else:
            messages.success(request, f"{created(unmailed)}. {copy}")


def _team(request: HttpRequest, own: Membership, form: InviteForm, status: int) -> HttpResponse:
    people = list(own.team.memberships.select_related("user"))
    for membership in people:
        membership.can_change = may(own.role, Action.PEOPLE) and _is_within(own, membership)
    context = {
        "own": own,
        "offers": access.offers_to(request.user).open().filter(team=own.team),
        "people": people,
        "roles": RoleForm(own.role).fields["role"].choices,
        "key_form": TeamKeyForm(request.user, own.team) if may(own.role, Action.KEYS) else None,
        "invitations": teams.open_invitations(own.team) if may(own.role, Action.PEOPLE) else [],
        "shares": own.team.key_shares.select_related("key__owner").order_by("key__label"),
        "form": form,
        "has_mail": bool(settings.EMAIL_URL),
        "table": TABLE,
        "all_roles": Role,
    }
    return render_page(request, "teams/team.html", context, status)


def _record_revoked(request: HttpRequest, own: Membership, revoked: list[Invitation]) -> None:
    for invitation in revoked:
        log.record(
            What.INVITATION_REVOKED,
            request.user,
            about=invitation.email or ANYBODY,
            teams=[own.team],
            is_automatic=True,
        )


def _revoked_words(revoked: list[Invitation]) -> str:
    if not revoked:
        return ""
    return f" {len(revoked):,} open invitation{' was' if len(revoked) == 1 else 's were'} cancelled too."


def _require(own: Membership, action: Action) -> None:
    if not may(own.role, action):
        raise RoleTooLow(action, own.team)


def _is_within(own: Membership, theirs: Membership) -> bool:
    """True if this role may change that one: admins change all roles but the owners'."""
    return may(own.role, Action.OWN) or theirs.role < Role.OWNER


def _other(own: Membership, membership_id: int) -> Membership:
    theirs = get_object_or_404(own.team.memberships.select_related("user", "team"), pk=membership_id)
    if not _is_within(own, theirs):
        raise RoleTooLow(Action.OWN, own.team)
    return theirs
