"""The pages of offers: for the owner, and for the person who accepts or declines."""

import pytest

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from datasources import keys, notices, transfers
from datasources.models import ApiKey, KeyShare, Transfer
from datasources.sharing import shares
from tests.support.html import dom, link, told, words


@pytest.fixture
def team(alice, bob, key) -> Team:
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(team=team, key=key)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


def seen(page) -> str:
    return dom(page).find(".//input[@name='seen']").get("value")


def test_a_key_is_offered_on_its_page_and_accepted_on_another(web, client_of, alice, bob, key, table):
    User.objects.filter(pk=alice.pk).update(name="Alice Smith")
    shares.make(alice, key, [table])
    page = web.get(f"/keys/{key.pk}/transfer/")
    assert "1 share link of yours" in words(page)
    assert link(web.get("/keys/"), "Transfer Main") == f"/keys/{key.pk}/transfer/"
    web.post(f"/keys/{key.pk}/transfer/", {"email": "Bob@Example.com"})
    assert "Offered to bob@example.com" in words(web.get("/keys/"))
    theirs, path = client_of(bob), f"/transfers/{Transfer.objects.get().pk}/"
    assert link(theirs.get("/keys/"), "Accept or decline Main") == path
    notice = theirs.get("/notices/")
    assert "alice@example.com offers you the key Main." in words(notice)
    assert link(notice, "Show the offer") == path
    page = theirs.get(path)
    for text in ("Alice Smith (alice@example.com) offers you this key", "1 share link", "is never shown"):
        assert text in words(page)
    assert key.secret not in page.content.decode()
    answer = theirs.post(path, {"answer": "accept", "seen": seen(page)}, follow=True)
    assert "Main is yours now." in told(answer)
    assert f"/keys/{key.pk}/edit/" in answer.content.decode()
    assert web.get(f"/keys/{key.pk}/edit/").status_code == 404
    assert web.get(f"/sources/{table.datasource_id}/").status_code == 404
    assert "bob@example.com took over your key Main." in words(web.get("/notices/"))
    assert "took over the key Main from alice@example.com" in words(web.get("/activity/"))
    gone = theirs.get(path)
    assert gone.status_code == 410
    assert "Offer no longer valid" in words(gone)


def test_a_known_and_an_unknown_address_get_the_same_answer(web, alice, bob, key, account):
    User.objects.filter(pk=bob.pk).update(name="Bob Jones")
    other, pages = keys.add(alice, key.label, account.another_key(), ApiKey.State.VALID), []
    for one, email in ((key, "bob@example.com"), (other, "nobody@example.com")):
        path = f"/keys/{one.pk}/transfer/"
        told_page = web.post(path, {"email": email}, follow=True)
        again = web.post(path, {"email": email})
        listed = words(web.get("/keys/"))
        assert f"Offered to {email}" in listed
        assert "Bob Jones" not in listed
        pages.append([words(page).replace(email, "…") for page in (told_page, again)] + [again.status_code])
    assert pages[0] == pages[1]
    assert [one.receiver for one in Transfer.objects.order_by("created_at")] == [bob, None]


@pytest.mark.parametrize(
    ("email", "sentence"), [("ALICE@example.com", "your own address"), ("nonsense", "valid email"), ("", "required")]
)
def test_an_address_that_cannot_be_offered_to_stays_in_the_form(web, key, email, sentence):
    page = web.post(f"/keys/{key.pk}/transfer/", {"email": email})
    assert page.status_code == 422
    assert sentence in words(page)
    assert not Transfer.objects.exists()


def test_an_offer_is_withdrawn_and_declined(web, client_of, alice, bob, key):
    path = f"/keys/{key.pk}/transfer/"
    web.post(path, {"email": bob.email})
    first = Transfer.objects.get()
    page = web.post(f"{path}withdraw/", follow=True)
    assert "Offer to bob@example.com withdrawn." in told(page)
    assert "no open offer any more" in told(web.post(f"{path}withdraw/", follow=True))
    theirs = client_of(bob)
    assert theirs.get(f"/transfers/{first.pk}/").status_code == 410
    assert theirs.post(f"/transfers/{first.pk}/", {"answer": "accept"}).status_code == 410
    web.post(path, {"email": bob.email})
    second = Transfer.objects.exclude(pk=first.pk).get()
    assert "Declined Main." in told(theirs.post(f"/transfers/{second.pk}/", {"answer": "decline"}, follow=True))
    assert "bob@example.com declined your key Main." in words(web.get("/notices/"))
    assert ApiKey.objects.get().owner == alice


def test_a_page_that_is_out_of_date_is_read_again(web, client_of, bob, key):
    web.post(f"/keys/{key.pk}/transfer/", {"email": bob.email})
    theirs, path = client_of(bob), f"/transfers/{Transfer.objects.get().pk}/"
    before = seen(theirs.get(path))
    ApiKey.objects.update(label="Renamed")
    page = theirs.post(path, {"answer": "accept", "seen": before})
    assert page.status_code == 409
    assert "changed since you opened this page" in words(page)
    assert "Renamed" in words(page)
    assert theirs.post(path, {"answer": "accept", "seen": seen(page)}).status_code == 302


def test_only_the_receiver_sees_an_offer(web, client_of, alice, bob, key):
    found = transfers.offer_key(key, alice, bob.email)
    carol = User.objects.create_user("carol@example.com")
    assert web.get(f"/transfers/{found.pk}/").status_code == 404
    assert client_of(carol).get(f"/transfers/{found.pk}/").status_code == 404
    assert notices.unread(carol) == 0


def test_a_team_is_offered_to_a_member_and_accepted(web, client_of, alice, bob, team):
    path = f"/teams/{team.pk}/transfer/"
    assert link(web.get(f"/teams/{team.pk}/"), "Transfer the team") == path
    theirs = client_of(bob)
    assert theirs.get(path).status_code == theirs.post(f"{path}withdraw/").status_code == 403
    web.post(path, {"member": team.memberships.get(user=bob).pk})
    assert "Offered to bob@example.com" in words(web.get(path))
    answer_path = f"/transfers/{Transfer.objects.get().pk}/"
    for page in ("/teams/", f"/teams/{team.pk}/"):
        assert link(theirs.get(page), "Accept or decline Catalogue") == answer_path
    page = theirs.get(answer_path)
    assert "The former owner becomes an admin." in words(page)
    theirs.post(answer_path, {"answer": "accept", "seen": seen(page)})
    assert team.memberships.get(user=bob).role == Role.OWNER
    assert web.get(path).status_code == 403
    assert "took over the team Catalogue from alice@example.com" in words(theirs.get("/activity/"))


def test_a_team_is_offered_to_nobody_outside(web, team):
    carol = User.objects.create_user("carol@example.com")
    elsewhere = teams.create("Other", carol).memberships.get()
    assert web.post(f"/teams/{team.pk}/transfer/", {"member": elsewhere.pk}).status_code == 422
    team.memberships.exclude(role=Role.OWNER).delete()
    assert "There is no other member" in words(web.get(f"/teams/{team.pk}/transfer/"))
