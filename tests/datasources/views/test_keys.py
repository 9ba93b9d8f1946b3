import pytest
import responses
import time_machine
from django.db import connection

from accounts import teams
from core import vault
from datasources import gateway, keys
from datasources.downloads import links
from datasources.models import ApiKey, KeyShare, Source
from datasources.sharing import shares
from datasources.uploads import queue
from tests.conftest import asked_again, emptied, htmx, synced
from tests.support.html import all_words, as_shown, dom, field, link, told, words
from tests.support.processes import free_port
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once
from tests.support.uploads import received


def add(web, secret: str, label: str = "Main", **more: str):
    return web.post("/keys/add/", {"label": label, "secret": secret, **more})


@pytest.fixture
def claro_is_down(sandbox, settings) -> None:
    settings.CLARO_API_BASE_URL = f"http://127.0.0.1:{free_port()}/api/v2"


def test_a_key_is_checked_with_one_call_stored_encrypted_and_its_sources_are_read(web, alice, account):
    response = add(web, account.key)
    assert (response.status_code, response.headers["Location"]) == (302, "/sources/")
    assert [(call["path"], call["query"]["limit"]) for call in account.calls()] == [("/datasources", "100")]
    key = ApiKey.objects.get()
    assert (key.owner, key.label, key.state, key.hint) == (alice, "Main", "valid", account.key[-4:])
    assert key.unseal() == account.key
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM datasources_apikey")
        assert account.key not in str(cursor.fetchall())
    assert key.sync.leased_until is not None  # a worker has been asked
    assert "Key added: Main. The dashboard is reading its data sources." in told(web.get("/sources/"))


def test_whoever_has_no_key_is_led_to_add_one(web):
    for path in ("/sources/", "/keys/"):
        page = web.get(path)
        assert page.status_code == 200
        assert link(page, "Add a key") == "/keys/add/"
    assert field(web.get("/keys/add/"), "secret").get("type") == "password"


def test_spaces_around_a_pasted_key_are_taken_off(web, account):
    assert add(web, f"  {account.key}\n").status_code == 302
    assert ApiKey.objects.get().unseal() == account.key


def test_a_refused_key_is_told_and_not_stored_nor_sent_back(web, account):
    account.revoke()
    page = add(web, account.key, label="Of the team")
    assert page.status_code == 422
    assert "Claro refuses this key. It may have been revoked or mistyped." in words(page)
    assert account.key not in page.content.decode()
    assert field(page, "secret").get("value") is None
    assert field(page, "label").get("value") == "Of the team"
    assert field(page, "keep_unchecked") is None
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("code", "status"), [("UNAUTHORIZED", 401), ("ACCESS_DENIED", 403)])
def test_a_refused_key_is_not_kept_even_when_somebody_ticks_the_box(web, account, code, status):
    account.refuse(code, status)
    page = add(web, account.key, keep_unchecked="on")
    assert page.status_code == 422
    assert field(page, "keep_unchecked") is None
    assert not ApiKey.objects.exists()


def test_a_key_without_api_access_is_told_why(web, account):
    account.refuse("ACCESS_DENIED", 403)
    assert "The plan may not include API access." in words(add(web, account.key))


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [
        ("", "This field is required."),
        ("   ", "This field is required."),
        ("two words", "A key has no spaces or line breaks."),
        ("line\nbreak", "A key has no spaces or line breaks."),
        ("tab\there", "A key has no spaces or line breaks."),
        ("nul\0", "Null characters are not allowed."),
        ("x" * 513, "at most 512 characters"),
    ],
)
def test_what_cannot_be_a_key_is_told_without_a_call(web, account, secret, sentence):
    page = add(web, secret)
    assert page.status_code == 422
    assert sentence in words(page)
    assert not secret.strip() or secret not in page.content.decode()
    assert account.sandbox.calls(secret.strip() or "none") == []
    assert not ApiKey.objects.exists()


def test_an_empty_form_is_told_what_is_missing(web):
    page = web.post("/keys/add/")
    assert (page.status_code, words(page).count("This field is required.")) == (422, 2)


@pytest.mark.parametrize("label", ["", "x" * 101])
def test_a_key_needs_a_label_that_fits(web, account, label):
    assert add(web, account.key, label=label).status_code == 422
    assert account.calls() == []


def test_the_same_key_twice_is_told_under_its_label(web, key, account):
    page = add(web, account.key, label="Again")
    assert page.status_code == 422
    assert "You already added this key as Main." in words(page)
    assert ApiKey.objects.count() == 1
    assert account.calls() == []


def test_the_same_key_twice_at_once_is_stored_once(web, account):
    account.fault("slow", seconds=0.2, times=2)
    answers = at_once(2, lambda: add(web, account.key))
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    assert ApiKey.objects.count() == 1


def test_two_people_may_add_the_same_key(client_of, bob, key, account):
    assert add(client_of(bob), account.key).status_code == 302
    assert len(set(ApiKey.objects.values_list("fingerprint", flat=True))) == 1


def test_while_claro_is_down_a_key_may_be_kept_unchecked(web, claro_is_down):
    page = add(web, "some-key-of-mine")
    assert page.status_code == 422
    assert "The key was not checked. Claro can't be reached right now." in words(page)
    assert "to save it without a check" in told(page)
    assert field(page, "keep_unchecked").get("type") == "checkbox"
    assert not ApiKey.objects.exists()
    assert add(web, "some-key-of-mine", keep_unchecked="on").status_code == 302
    assert ApiKey.objects.get().state == "unchecked"
    assert "Not checked yet" in words(web.get("/keys/"))


def test_the_list_shows_what_one_needs_to_know_of_a_key(web, key, account):
    synced(key)
    page = web.get("/keys/")
    [card] = [card for card in dom(page).iter("article") if card.get("id") == f"key-{key.pk}"]
    for shown in ("Main", f"…{account.key[-4:]}", "Valid", "just now last used", "9,999 of 10,000"):
        assert shown in words(card)


def test_a_key_that_was_never_used_says_so(web, key):
    assert "Never last used" in words(web.get("/keys/"))


def test_checking_makes_one_call_and_says_what_came_of_it(web, key, account):
    ApiKey.objects.update(state="unchecked")
    page = web.post(f"/keys/{key.pk}/check/", follow=True)
    assert "Claro accepts Main." in told(page)
    assert len(account.calls()) == 1
    account.revoke()
    page = web.post(f"/keys/{key.pk}/check/", follow=True)
    assert "Main: Claro refuses this key." in told(page)
    assert "Refused by Claro" not in words(page)
    assert asked_again(key) == "refused"
    assert "Refused by Claro" in words(web.get("/keys/"))


def test_checking_tells_what_is_the_matter_at_claro(web, key, account):
    account.fault("answer", status=502, body=HTML_502, times=3)
    page = web.post(f"/keys/{key.pk}/check/", follow=True)
    assert page.status_code == 200
    assert "Main: Claro can't be reached right now." in told(page)


def test_a_key_is_renamed_and_its_secret_kept(web, key, account):
    page = web.get(f"/keys/{key.pk}/edit/")
    assert (field(page, "label").get("value"), field(page, "secret").get("value")) == ("Main", None)
    page = web.post(f"/keys/{key.pk}/edit/", {"label": "Of the team", "secret": ""}, follow=True)
    assert "Saved Of the team." in told(page)
    key.refresh_from_db()
    assert (key.label, key.unseal(), key.state) == ("Of the team", account.key, "valid")
    assert account.calls() == []


def test_a_secret_replaced_in_place_revives_a_refused_key_and_what_stopped(web, key, account, alice):
    account.add(fileName="a.csv")
    [source] = synced(key)
    account.revoke()
    synced(key)
    waiting = links.ask(source, alice, 300)
    asked_again(key)
    assert key.state == "invalid"
    assert "Claro refuses the key Main" in told(web.get("/sources/"))

    new = account.another_key()
    page = web.post(f"/keys/{key.pk}/edit/", {"label": "Main", "secret": new}, follow=True)
    assert "Replaced the key in Main. Paused work continues." in told(page)
    key.refresh_from_db()
    assert (key.unseal(), key.state, key.hint) == (new, "valid", new[-4:])
    assert list(Source.objects.values_list("pk", flat=True)) == [source.pk]
    waiting.refresh_from_db()
    assert (waiting.is_pending, waiting.attempts) == (True, 0)
    assert [source.pk for source in synced(key)] == [source.pk]
    assert "refuses" not in told(web.get("/sources/"))


def test_a_refused_replacement_leaves_the_key_as_it_was(web, key, account):
    old = ApiKey.objects.values().get()
    page = web.post(f"/keys/{key.pk}/edit/", {"label": "New name", "secret": "not-a-key-of-theirs"})
    assert page.status_code == 422
    assert "Claro refuses this key" in words(page)
    assert "not-a-key-of-theirs" not in page.content.decode()
    assert field(page, "label").get("value") == "New name"
    assert ApiKey.objects.values().get() == old


def test_a_key_is_not_replaced_by_one_that_is_there_already(web, alice, key, account):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    page = web.post(f"/keys/{other.pk}/edit/", {"label": "Other", "secret": account.key})
    assert page.status_code == 422
    assert "You already added this key as Main." in words(page)


def test_deleting_counts_what_does_not_come_back(web, alice, key, account):
    account.add(fileName="b.csv")
    [source] = synced(key)
    assert "share link" not in words(web.get(f"/keys/{key.pk}/delete/"))
    shares.make(alice, key, [source])
    shares.end(shares.make(alice, key, [source]))
    KeyShare.objects.create(key=key, team=teams.create("Catalogue", alice))
    queue.add(alice, key, received())
    shown = words(web.get(f"/keys/{key.pk}/delete/"))
    assert "1 share link stops working for everyone who has it." in shown
    assert "1 team loses access to its files." in shown
    assert "1 upload has not reached Claro yet. Its file is lost." in shown


def test_a_key_of_another_account_is_asked_about_before_it_replaces_one(web, alice, key, account, sandbox):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    synced(key)
    waiting = queue.add(alice, key, received())
    other, path = sandbox.account(), f"/keys/{key.pk}/edit/"
    form = {"label": key.label, "secret": other.key}
    page = web.post(path, form)
    assert page.status_code == 422
    assert "This key belongs to another account, it seems. Claro lists none of the 2 files of Main." in words(page)
    assert other.key not in page.content.decode()
    key.refresh_from_db()
    assert key.unseal() == account.key
    assert web.post(path, form | {"secret": account.another_key()}).status_code == 302  # of the same account
    web.post(path, form | {"secret": other.key, "other_account": "on"})
    key.refresh_from_db()
    assert key.unseal() == other.key
    waiting.refresh_from_db()
    assert (waiting.state, waiting.due_at) == ("asks", None)
    assert waiting.questions == ["The key was replaced by one of another account."]


def test_deleting_says_what_goes_with_it_and_deletes_nothing_at_claro(web, key, ready, account):
    account.add(fileName="b.csv")
    synced(key)
    page = web.get(f"/keys/{key.pk}/delete/")
    assert "deletes the key, its copy of 2 files and 1 download link." in words(page)
    assert "Nothing is deleted at Claro" in words(page)
    assert ApiKey.objects.exists()
    page = web.post(f"/keys/{key.pk}/delete/", follow=True)
    assert "Key deleted: Main. Nothing changed at Claro." in told(page)
    assert not ApiKey.objects.exists()
    assert not Source.objects.exists()
    assert account.calls(method="DELETE") == []


def test_keys_that_do_not_open_are_told_and_break_no_page(web, alice, table, ready, account, settings):
    """The master key was lost: three keys, their sources and links are still shown."""
    for label in ("Second", "Third"):
        keys.add(alice, label, account.another_key(), ApiKey.State.VALID)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    calls = len(account.calls())

    page = web.get("/keys/")
    assert "3 keys can't be read. Paste them again." in told(page)
    assert all_words(page, ".//article/div/div[2]") == ["Can't be read"] * 3
    key_id = table.key.pk
    assert f"/keys/{key_id}/edit/" in {one.get("href") for one in dom(page).iter("a")}

    page = web.get("/sources/")
    assert page.status_code == 200
    assert "The key Main can't be read" in told(page)
    assert table.name in words(page)
    assert "can't be read" in told(web.get(f"/sources/{table.datasource_id}/"))

    page = web.get(f"/sources/{table.datasource_id}/rows/")
    assert page.status_code == 502
    assert "This key can't be read." in told(page)
    assert link(page, "Paste it again") == f"/keys/{key_id}/edit/"

    assert web.get("/downloads/").status_code == 200
    assert web.get(f"/downloads/{ready.pk}/file/").status_code == 410
    page = web.post(f"/keys/{key_id}/check/", follow=True)
    assert "Main: This key can't be read." in told(page)
    web.post(f"/sources/{table.datasource_id}/delete/", {"confirm": table.name})
    assert emptied() == ["failed"]
    assert "Not deleted. This key can't be read." in words(web.get("/bin/"))
    assert len(account.calls()) == calls


def test_one_key_that_does_not_open_is_counted_as_one(web, key, account, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert "1 key can't be read. Paste it again." in told(web.get("/keys/"))
    web.post(f"/keys/{key.pk}/edit/", {"label": "Main", "secret": account.key})
    key.refresh_from_db()
    assert key.unseal() == account.key
    assert "can't be read" not in words(web.get("/keys/"))


def test_how_many_calls_are_left_is_not_asked_of_claro(web, key, account):
    assert gateway.calls_left(key) is None
    assert web.get("/keys/", headers=htmx()).status_code == 200
    assert account.calls() == []


@responses.activate
def test_calls_run_out_and_come_back(web, alice, settings):
    """The window's end stands on the page; after it, all calls are there again."""
    settings.CLARO_API_BASE_URL = "https://claro.test"
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "30"}
    responses.get("https://claro.test/datasources", json={"dataSources": []}, headers=headers)
    with time_machine.travel("2026-11-24T12:00Z", tick=False):
        add(web, "a-key-of-another-plan")
    assert "3 of 100" in words(web.get("/keys/"))


def test_the_limit_of_a_plan_counts_until_claro_says_it(web, key):
    assert 'name="calls_per_minute"' in web.get(f"/keys/{key.pk}/edit/").content.decode()
    web.post(f"/keys/{key.pk}/edit/", {"label": "Main", "secret": "", "calls_per_minute": "500"})
    key.refresh_from_db()
    assert key.calls_per_minute == 500
    answer = web.post(f"/keys/{key.pk}/edit/", {"label": "Main", "secret": "", "calls_per_minute": "0"})
    assert answer.status_code == 422
    key.refresh_from_db()
    assert key.calls_per_minute == 500


def test_a_form_that_was_open_for_long_changes_only_what_was_changed_in_it(web, key):
    at = f"/keys/{key.pk}/edit/"
    shown = as_shown(web.get(at))
    keys.change(key, label="Renamed")
    web.post(at, shown | {"calls_per_minute": "500"})
    key.refresh_from_db()
    assert (key.label, key.calls_per_minute) == ("Renamed", 500)
    web.post(at, as_shown(web.get(at)) | {"calls_per_minute": ""})
    key.refresh_from_db()
    assert (key.label, key.calls_per_minute) == ("Renamed", None)
