"""Files that are uploaded in place of others."""

import re
import uuid

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.models import ColumnReference, Correction, KeyShare, SavedView, Source, Tagging, Upload
from datasources.sharing import shares
from datasources.sources import contents, marks, tags
from datasources.uploads import queue, sending
from tests.conftest import htmx, synced, taken
from tests.datasources.views.test_uploads import files
from tests.support.html import dom, told, words
from tests.support.sandbox import Sandbox
from tests.support.uploads import ROWS, received


@pytest.fixture
def failed(account, key) -> Source:
    account.add(fileName="bad.csv", status="failed", error="No header row.")
    return synced(key)[0]


def corrected(web, sandbox: Sandbox, old: Source) -> Source:
    """The processed source of a file that was uploaded in place of the old one."""
    web.post(f"/sources/upload/?corrects={old.datasource_id}", {"file": files(ROWS)})
    upload = Upload.objects.get(state=Upload.State.QUEUED)
    assert sending.send(str(upload.pk), taken(upload)) == "done"
    upload.refresh_from_db()
    sandbox.store.wait()
    return next(source for source in synced(old.key) if source.pk == upload.source_id)


def test_a_failed_file_is_corrected_and_both_pages_name_the_other(web, sandbox, failed):
    form = f"/sources/{failed.datasource_id}/correct/"
    for path in ("/sources/", f"/sources/{failed.datasource_id}/"):
        assert f"{form}" in web.get(path).content.decode()
    assert "Claro could not process bad.csv No header row." in words(web.get(form))
    action = dom(web.get(form)).find(".//form[@enctype]").get("action")
    assert action == f"/sources/upload/?corrects={failed.datasource_id}"
    assert web.post(action, {}).status_code == 422
    assert web.get("/sources/upload/?corrects=x").status_code == 404
    new = corrected(web, sandbox, failed)
    assert "Corrects bad.csv" in words(web.get("/uploads/"))
    assert "Corrects bad.csv" in words(web.get(f"/sources/{new.datasource_id}/"))
    assert "Corrected by things.csv" in words(web.get(f"/sources/{failed.datasource_id}/"))
    assert "No header row. Corrected by things.csv" in words(web.get("/sources/"))


def test_a_correction_whose_answer_was_lost_is_linked_when_it_is_found(web, account, failed):
    account.fault("lost", path="/upload")
    web.post(f"/sources/upload/?corrects={failed.datasource_id}", {"file": files(ROWS)})
    upload = Upload.objects.get()
    assert sending.send(str(upload.pk), taken(upload)) == "unknown"
    assert not Correction.objects.exists()
    assert sending.send(str(upload.pk), taken(upload)) == "done"
    assert Correction.objects.get().old == failed


def test_the_queue_shows_what_became_of_an_uploaded_file(web, failed, alice, key):
    uploaded = {"state": Upload.State.DONE, "source": failed, "datasource_id": failed.datasource_id}
    upload = queue.add(alice, key, received())
    Upload.objects.filter(pk=upload.pk).update(**uploaded, due_at=None, finished_at=timezone.now())
    assert "Failed No header row. Upload a corrected file" in words(web.get("/uploads/"))


def test_a_viewer_is_offered_no_correction(client_of, alice, bob, key, failed):
    team = teams.create("Team", alice)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    KeyShare.objects.create(key=key, team=team)
    web = client_of(bob)
    for path in ("/sources/", f"/sources/{failed.datasource_id}/"):
        assert "/correct/" not in web.get(path).content.decode()
    assert "No header row." in told(web.get(f"/sources/{failed.datasource_id}/"))


def test_failed_files_cost_the_list_one_query_however_many(web, account, key, failed, django_assert_max_num_queries):
    with django_assert_max_num_queries(50) as one:
        web.get("/sources/")
    account.add_many([{"fileName": f"{number}.csv", "status": "failed"} for number in range(5)])
    for source in synced(key):
        if source != failed:
            Correction.objects.create(old=failed, new=source)
    with django_assert_max_num_queries(len(one)):
        web.get("/sources/")


@pytest.fixture
def moved(web, sandbox, alice, failed):
    """The corrected file, and a view and a share link of the failed one, each of Alice."""
    new = corrected(web, sandbox, failed)
    view = SavedView.objects.create(
        name="Dear ones", owner=alice, page="sources:rows", datasource_id=failed.datasource_id, query="sort=price"
    )
    share = shares.make(alice, failed.key, [failed], most_uses=3, note="For Zoe")
    return new, view, share


def test_history_views_and_links_move_as_far_as_they_are_chosen(web, failed, moved):
    new, view, share = moved
    assert contents.known_columns([new]) or web.get(f"/sources/{new.datasource_id}/rows/").status_code == 200
    page = f"/sources/{new.datasource_id}/"
    assert f"{page}move/" in web.get(page).content.decode()
    form = web.get(f"{page}move/")
    assert "Recipients of a link that moves get things.csv instead of bad.csv" in words(form)
    assert "The new file lacks: price" in words(form)
    refused = web.post(f"{page}move/", {})
    assert refused.status_code == 422
    assert "Choose what moves." in words(refused)
    assert web.post(f"{page}move/", {"view": [uuid.uuid4()]}).status_code == 422
    web.post(f"{page}move/", {"view": [view.pk], "history": "on"})
    view.refresh_from_db()
    assert view.datasource_id == new.datasource_id
    assert share.files.get().source == failed
    text = words(web.get(page))
    assert "moved the view Dear ones from bad.csv to things.csv" in words(web.get("/activity/"))
    assert "joined the history of bad.csv to things.csv" in text
    assert re.search(r"bad\.csv Processing .* Failed", text)  # the timeline of the failed one
    web.post(f"{page}move/", {"share": [share.pk]})
    share.refresh_from_db()
    assert (share.files.get().source, share.most_uses, share.note) == (new, 3, "For Zoe")
    assert "moved the share link for bad.csv to things.csv" in words(web.get("/activity/"))
    assert "things.csv" in words(web.get(f"/d/{share.unseal()}/"))
    assert "Nothing to move" in words(web.get(f"{page}move/"))
    assert web.get(f"/sources/{failed.datasource_id}/move/").status_code == 404


def test_a_reader_moves_only_what_their_role_lets_them_change(client_of, alice, bob, key, moved):
    new, view, share = moved
    team = teams.create("Team", alice)
    SavedView.objects.create(name="Ours", team=team, page="sources:rows", datasource_id=view.datasource_id)
    mine = SavedView.objects.create(name="Mine", owner=bob, page="sources:rows", datasource_id=view.datasource_id)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    KeyShare.objects.create(key=key, team=team)
    web, page = client_of(bob), f"/sources/{new.datasource_id}/move/"
    text = words(web.get(page, headers=htmx()))
    assert "Mine" in text
    for name in ("Ours", "Dear ones", "For Zoe", "History"):
        assert name not in text
    assert web.post(page, {"share": [share.pk]}).status_code == 422
    web.post(page, {"view": [mine.pk], "history": "on"})
    mine.refresh_from_db()
    assert mine.datasource_id == new.datasource_id
    assert not Correction.objects.get().has_history
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    text = words(web.get(page, headers=htmx()))
    assert "Ours" in text
    assert "For Zoe" in text
    assert "Dear ones" not in text


def test_the_star_and_the_tags_that_one_may_change_move_if_chosen(client_of, web, alice, bob, key, failed, moved):
    new, *_ = moved
    team = teams.create("Team", alice)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    KeyShare.objects.create(key=key, team=team)
    ours, hers = tags.named("Autumn", alice, team), tags.named("Mine", alice, None)
    for tag in (ours, hers):
        tags.put(tag, [failed], alice)
    tags.put(ours, [new], alice)
    for user in (alice, bob):
        marks.set_favourite(failed, user, is_one=True)
    page = f"/sources/{new.datasource_id}/move/"
    assert "Your star This file becomes your favourite instead of bad.csv." in words(client_of(bob).get(page))
    assert "Your star and tags Mine, Autumn" in words(web.get(page))
    web.post(page, {"history": "on"})
    assert Tagging.objects.filter(datasource_id=failed.datasource_id).count() == 2
    assert "Moved to things.csv: star, 2 tags." in words(web.post(page, {"marks": "on"}, follow=True))
    tagged = Tagging.objects.order_by("tag__name").values_list("tag__name", "datasource_id")
    assert [*tagged] == [("Autumn", new.datasource_id), ("Mine", new.datasource_id)]
    assert marks.favourites_among([failed, new], alice) == {new.datasource_id}
    assert marks.favourites_among([failed, new], bob) == {failed.datasource_id}
    assert "Your star" not in words(web.get(page))


def test_a_view_with_a_reference_to_its_columns_keeps_them(web, alice, failed, moved):
    new, view, _ = moved
    ColumnReference.objects.create(datasource_id=failed.datasource_id, digest="abc", query="column=id", user=alice)
    SavedView.objects.filter(pk=view.pk).update(query="columns=abc")
    web.post(f"/sources/{new.datasource_id}/move/", {"view": [view.pk]})
    failed.delete()
    ColumnReference.objects.orphaned().delete()
    assert web.get(SavedView.objects.get().url, follow=True).status_code == 200


def test_nothing_moves_before_the_new_file_is_processed(web, moved):
    new, view, _ = moved
    Source.objects.filter(pk=new.pk).update(status="processing")
    page = f"/sources/{new.datasource_id}/"
    assert f"{page}move/" not in web.get(page).content.decode()
    assert "Not processed yet" in words(web.get(f"{page}move/"))
    assert web.post(f"{page}move/", {"view": [view.pk]}).status_code == 422
