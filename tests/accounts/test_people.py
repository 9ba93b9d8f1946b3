"""Names of people: what is accepted as one, and where the address stays beside it."""

import pytest
from django.core.exceptions import ValidationError
from django.template import Context, Template

from accounts import people, teams
from accounts.models import User
from accounts.people import PersonNameField
from accounts.roles import Role
from datasources.activity import log
from datasources.activity.words import What
from tests.accounts.test_sign_up import sign_up
from tests.support.html import words


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Anna Berg", "Anna Berg"),
        ("  Anna\u00a0  Berg ", "Anna Berg"),
        ("J.R.R. O’Neill-Núñez, PhD", "J.R.R. O’Neill-Núñez, PhD"),
        ("Zoe\u0308", "Zoë"),
        ("山田 太郎", "山田 太郎"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("נָעֳמִי", "נָעֳמִי"),
        ("A", "A"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_names_of_all_kinds_are_taken(typed, name):
    assert PersonNameField().clean(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "Anna\nBerg",
        "Anna\tBerg",
        "Anna\x00",
        "\u202eanna",
        "Anna\u200f",
        "An\u200bna",
        "Anna\ufeff",
        "Anna\u00ad",
        "\u3164\u3164",
        "\u200c\u200d",
        "…",
        "A" + "\u0301\u0302\u0303\u0304\u0305\u0306",
        "bea@example.com",
        "bea＠example.com",
        "Visit evil.example",
        "https://evil",
        "<b>Anna</b>",
        "A" * 101,
    ],
)
def test_names_that_hide_or_pretend_something_are_refused(typed):
    with pytest.raises(ValidationError):
        PersonNameField().clean(typed)


@pytest.mark.parametrize(
    ("name", "email", "initials"),
    [
        ("Anna Maria Berg", "x@example.com", "AB"),
        ("anna", "x@example.com", "A"),
        ("(Anna) ‘Berg’", "x@example.com", "AB"),
        ("ßeta ǆ", "x@example.com", "SǄ"),
        ("山田 太郎", "x@example.com", "山太"),
        ("", "anna.berg@example.com", "AB"),
        ("", "demo@example.com", "D"),
        ("", "_@example.com", ""),
    ],
)
def test_initials_are_of_the_name_or_the_address(name, email, initials):
    assert people.initials(User(name=name, email=email)) == initials


def test_a_name_is_escaped_and_an_address_fills_its_place():
    def shown(user: User | None) -> str:
        template = Template("{{ user|person }}|{{ user|person_with_address }}|{{ user|with_address }}")
        return template.render(Context({"user": user}))

    assert shown(None) == "||"
    assert (
        shown(User(email="bea@example.com")) == "<bdi>bea@example.com</bdi>|<bdi>bea@example.com</bdi>|bea@example.com"
    )
    # From a time before a rule.
    html = shown(User(name='<i>"\u202e', email="bea@example.com"))
    assert "<i>" not in html
    assert "\u202e" not in html
    assert "&lt;i&gt;&quot;�</bdi>" in html


def test_a_user_gives_changes_and_removes_a_name(client, alice):
    client.force_login(alice)
    for name in ("Alice Archer", "Alice Baker", ""):
        client.post("/accounts/name/", {"name": name})
        alice.refresh_from_db()
        assert alice.name == name
    refused = client.post("/accounts/name/", {"name": "a@b"})
    assert refused.status_code == 422
    assert "can't contain an e-mail" in words(refused)
    assert 'value="a@b"' in refused.content.decode()
    activity = words(client.get("/activity/?what=name_changed"))
    assert "changed the name from Alice Archer to Alice Baker" in activity
    assert "changed the name from Alice Baker to no name" in activity


def test_a_name_is_given_at_sign_up_or_not(client, db):
    page = client.post(
        "/accounts/signup/",
        {
            "email": "eve@example.com",
            "name": "\u202eEve",
            "password1": "a-long-password",
            "password2": "a-long-password",
        },
    )
    assert "one line of text" in words(page)
    assert not User.objects.exists()
    fields = {"email": "eve@example.com", "password1": "correct-horse-battery", "password2": "correct-horse-battery"}
    client.post("/accounts/signup/", {**fields, "name": "Eve Engel"})
    assert User.objects.get().name == "Eve Engel"
    client.post("/accounts/logout/")
    sign_up(client, "fay@example.com")
    assert User.objects.get(email="fay@example.com").name == ""


def test_a_team_shows_names_with_addresses_and_activity_shows_who_it_was_then(client, alice, bob):
    team = teams.create("Catalogue", alice)
    team.memberships.create(user=bob, role=Role.MEMBER)
    people.rename(bob, "Bob Brown")
    client.force_login(alice)
    page = client.get(f"/teams/{team.pk}/")
    assert "Bob Brown ( bob@example.com )" in words(page).replace("(bob", "( bob").replace("com)", "com )")
    assert 'aria-label="Role of Bob Brown (bob@example.com)"' in page.content.decode()
    log.record(What.LEFT, bob, teams=[team])
    bob.email = "new@example.com"
    bob.save()
    for query in ("", "?who=brown", "?who=bob@", "?q=brown"):
        page = client.get(f"/activity/{query}").content.decode()
        assert '<bdi title="bob@example.com">Bob Brown</bdi></strong> left' in page, query
    assert "bob@example.com left" in b"".join(client.get("/activity/export/").streaming_content).decode()
