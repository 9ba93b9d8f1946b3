"""Offers of keys and teams: their owners make and withdraw them, their receivers answer them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import Membership
from accounts.roles import Action
from datasources import access, transfers
from datasources.models import ApiKey, Transfer
from datasources.transfers import keys as of_keys
from datasources.transfers import teams as of_teams
from datasources.transfers.forms import MemberForm, ReceiverForm
from datasources.views.guards import FORM, POST, of_own_key, of_team, of_transfer
from datasources.views.pages import render_page, render_problem


@of_own_key(*FORM)
def offer_key(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Offers the key to an address. The answer does not say whether the address has an account."""
    form = ReceiverForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if not key.is_readable:
            form.add_error(None, "This key can't be read. Paste it again under Edit first.")
        elif _offered(form, transfers.offer_key, key, request.user, email):
            messages.success(request, f"Offered {key.label} to {email}. It stays yours until they accept.")
            return redirect("keys:transfer", key.pk)
    context = {"form": form, "key": key, "offer": transfers.open_offer(key=key), "gives": of_keys.gives(key)}
    return render_page(request, "transfers/key.html", context, 422 if form.errors else 200)


@of_own_key(*POST)
def withdraw_key(request: HttpRequest, key: ApiKey) -> HttpResponse:
    _withdraw(request, transfers.open_offer(key=key))
    return redirect("keys:transfer", key.pk)


@of_team(*FORM, action=Action.OWN)
def offer_team(request: HttpRequest, own: Membership) -> HttpResponse:
    """Offers the team to one of its members."""
    form = MemberForm(own.team, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        receiver = form.cleaned_data["member"].user
        if _offered(form, transfers.offer_team, own.team, request.user, receiver):
            messages.success(request, f"Offered {own.team} to {receiver.email}. You stay its owner until they accept.")
            return redirect("teams:transfer", own.team_id)
    context = {"form": form, "own": own, "offer": transfers.open_offer(team=own.team)}
    return render_page(request, "transfers/team.html", context, 422 if form.errors else 200)


@of_team(*POST, action=Action.OWN)
def withdraw_team(request: HttpRequest, own: Membership) -> HttpResponse:
    _withdraw(request, transfers.open_offer(team=own.team))
    return redirect("teams:transfer", own.team_id)


@of_transfer(*FORM)
def answer(request: HttpRequest, offer: Transfer) -> HttpResponse:
    """The offer for its receiver, with buttons to accept and decline (`answer`)."""
    back = "keys:list" if offer.key else "teams:list"
    given = request.POST.get("answer")
    if not offer.is_open:
        return _ended(request)
    if given == "decline":
        if not transfers.decline(offer, request.user):
            return _ended(request)
        messages.success(request, f"Declined {offer.name}.")
        return redirect(back)
    problem = ""
    if given == "accept":
        seen = request.POST.get("seen", "")
        accept = of_keys.accept if offer.key else of_teams.accept
        try:
            accept(offer, request.user, seen)
        except transfers.OfferEnded:
            return _ended(request)
        except transfers.CannotAccept as error:
            problem = str(error)
        else:
            messages.success(request, f"{offer.name} is yours now.")
            return redirect(back)
    return _answer(request, offer, problem)


def _answer(request: HttpRequest, offer: Transfer, problem: str) -> HttpResponse:
    # As it is now, not as it was before a refused acceptance.
    offer = access.get_offer(request.user, offer.pk)
    context = {"offer": offer, "problem": problem, "seen": transfers.edition(offer)}
    if offer.key:
        same_name = request.user.api_keys.filter(label=offer.key.label).exists()
        context |= {"gives": of_keys.gives(offer.key), "same_name": same_name}
    return render_page(request, "transfers/answer.html", context, 409 if problem else 200)


def _ended(request: HttpRequest) -> HttpResponse:
    text = "It was answered, withdrawn or expired, or its sender is no longer the owner. Ask for a new one."
    return render_problem(request, 410, "Offer no longer valid", text)


def _offered(form: ReceiverForm | MemberForm, make, *what: object) -> bool:
    try:
        make(*what)
    except transfers.NotOffered as error:
        form.add_error(None, str(error))
        return False
    return True


def _withdraw(request: HttpRequest, offer: Transfer | None) -> None:
    if offer and transfers.withdraw(offer, request.user):
        messages.success(request, f"Offer to {offer.email} withdrawn.")
    else:
        messages.error(request, "There is no open offer any more.")
