"""Several files downloaded together, over HTTP: their cost, their states, and the addresses that start them."""

from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from django.utils import timezone

from datasources import keys
from datasources.claro import RateLimited
from datasources.downloads import batches, links
from datasources.models import ApiKey, AuditEvent, DownloadBatch, DownloadLink, Source
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import made
from tests.support.html import dom, words


@pytest.fixture
def sources(account, key) -> list[Source]:
    for name in ("c.csv", "b.csv", "a.csv"):
        account.upload(name, f"id,file\n1,{name}\n")
    return sorted(synced(key), key=lambda source: source.name)


@pytest.fixture
def batch(alice, sources) -> DownloadBatch:
    return batches.create(alice, sources)


@pytest.fixture
def path(batch) -> str:
    return f"/downloads/batches/{batch.pk}/"


def finish() -> None:
    """What workers do with all links that are asked for."""
    for link in DownloadLink.objects.filter(state="pending"):
        made(link)


def line(web, path: str, number: int) -> str:
    return words(dom(web.get(path)).find(f".//*[@id='file-{number}']"))


def actions(web, path: str) -> list[str]:
    return [one.get("href") for one in dom(web.get(path)).iter("a") if path in one.get("href", "")]


def test_the_cost_is_stated_before_any_link_is_created(web, alice, sources, path, account):
    made(links.ask(sources[0], alice, 3600))
    calls = len(account.calls("/download"))
    shown = words(web.get(path))
    assert "1 file has a valid link already, at no cost." in shown
    assert "2 links have to be created. Each costs one call to Claro." in shown
    assert "Main: 2 calls." in shown
    assert " calls left this minute" in shown
    assert "Download 3 files" in shown
    assert len(account.calls("/download")) == calls
    assert DownloadLink.objects.count() == 1


def test_it_says_when_the_calls_of_a_minute_do_not_do(web, alice, sandbox):
    small = sandbox.account(calls_per_minute=3)
    small.add_many([{"fileName": f"{number}.csv"} for number in range(3)])
    batch = batches.create(alice, synced(keys.add(alice, "Small", small.key, ApiKey.State.VALID)))
    shown = words(web.get(f"/downloads/batches/{batch.pk}/"))
    assert "Small: 3 calls. 2 of 3 calls left this minute" in shown
    assert "1 link continues automatically, in about 1 minute." in shown


def test_files_are_started_one_by_one_through_our_own_address(web, path, sources, account):
    assert web.post(f"{path}begin/").url == path
    assert "Waiting for its link" in line(web, path, 1)
    assert actions(web, path) == []
    finish()
    assert len(account.calls("/download", "POST")) == 3
    assert actions(web, path) == [f"{path}{number}/" for number in (1, 2, 3)]
    answer = web.get(f"{path}2/")
    assert (answer.status_code, answer["Referrer-Policy"]) == (302, "no-referrer")
    assert "no-store" in answer["Cache-Control"]
    assert requests.get(answer.url, timeout=10).content == b"id,file\n1,b.csv\n"
    assert "Link ready Download" in line(web, path, 1)
    assert "Started just now Start again" in line(web, path, 2)
    said = words(web.get(path))
    assert "1 of 3 started" in said
    assert "It may ask whether this site may download several files. Choose Allow" in said
    assert "No browser reports whether a download from another host finished." in said
    assert [event.about for event in AuditEvent.objects.filter(what="downloaded")] == ["b.csv"]
    assert AuditEvent.objects.filter(what="download_asked").count() == 3


def test_signed_urls_are_in_no_page_and_copied_together(web, path):
    web.post(f"{path}begin/")
    assert web.post(f"{path}urls/").status_code == 410
    finish()
    for headers in ({}, htmx()):
        assert "signature" not in web.get(path, headers=headers).content.decode()
    copied = web.post(f"{path}urls/")
    assert copied["Content-Type"] == "text/plain; charset=utf-8"
    contents = [requests.get(url, timeout=10).text for url in copied.content.decode().split("\n")]
    assert contents == [f"id,file\n1,{name}.csv\n" for name in "abc"]
    assert AuditEvent.objects.filter(what="link_copied").count() == 3


def test_one_that_fails_costs_only_itself_and_is_retried(web, path, sources, account):
    account.refuse("ACCESS_DENIED", 403, path=f"{sources[1].datasource_id}/download")
    web.post(f"{path}begin/")
    finish()
    assert "Failed. This key has no permission" in line(web, path, 2)
    assert "Retry" in line(web, path, 2)
    assert [line(web, path, number).count("Link ready") for number in (1, 3)] == [1, 1]
    assert web.post(f"{path}retry/", {"number": "2"}).url == path
    finish()
    assert "Link ready" in line(web, path, 2)
    assert web.post(f"{path}retry/", {"number": "none"}).status_code == 422


def test_an_expired_link_is_created_again_and_the_file_counts_as_not_started(web, path):
    web.post(f"{path}begin/")
    finish()
    web.get(f"{path}1/")
    DownloadLink.objects.update(expires_at=timezone.now())
    assert "The link has expired. Retry" in line(web, path, 1)
    assert web.get(f"{path}1/").status_code == 410
    web.post(f"{path}retry/")
    finish()
    assert "Link ready" in line(web, path, 1)


def test_a_file_that_is_gone_is_said_and_can_t_be_started(web, path, sources, key):
    web.post(f"{path}begin/")
    finish()
    Source.objects.filter(pk=sources[0].pk).update(gone_at=timezone.now())
    assert "Can no longer be opened." in line(web, path, 1)
    assert web.get(f"{path}1/").status_code == 404
    assert web.get(f"{path}99/").status_code == 404
    assert words(web.get("/downloads/")).count("2 of 3 files not started") == 1
    key.delete()
    shown = words(web.get(path))
    assert shown.count("Can no longer be opened.") == 3
    assert "c.csv" in shown
    assert "not started" not in words(web.get("/downloads/"))


def test_a_key_without_calls_says_when_the_links_continue(web, path):
    web.post(f"{path}begin/")
    later = timezone.now() + timedelta(seconds=40)
    problem = RateLimited("No.", user_message="Your share of this minute's calls is used.", retry_at=later).to_dict()
    DownloadLink.objects.update(due_at=later, problem=problem)
    assert "They continue automatically in" in words(web.get(path))
    assert "Your share of this minute's calls is used. Continues automatically in" in line(web, path, 1)


def test_files_that_claro_processes_get_their_links_later(web, path, sources):
    Source.objects.filter(pk=sources[2].pk).update(status="processing")
    assert "Claro is still processing 1 file." in words(web.get(path))
    web.post(f"{path}begin/")
    assert DownloadLink.objects.count() == 2
    assert "Claro is still processing this file" in line(web, path, 3)
    Source.objects.filter(pk=sources[2].pk).update(status="completed")
    assert "No link Retry" in line(web, path, 3)


def test_several_keys_have_a_cost_each(web, alice, sources, sandbox):
    other = sandbox.account()
    other.add(fileName="other.csv")
    [theirs] = synced(keys.add(alice, "Other", other.key, ApiKey.State.VALID))
    batch = batches.create(alice, [*sources, theirs])
    shown = words(web.get(f"/downloads/batches/{batch.pk}/"))
    assert "Main: 3 calls." in shown
    assert "Other: 1 call." in shown


def test_frames_may_only_be_opened_where_files_are_fetched(web, path):
    assert "frame-src 'self' https: http://127.0.0.1:" in web.get(path)["Content-Security-Policy"]
    assert "frame-src" not in web.get("/downloads/")["Content-Security-Policy"]


def test_it_takes_as_many_queries_for_500_as_for_few(web, alice, key, django_assert_max_num_queries):
    now = timezone.now()
    what = {"key": key, "status": "completed", "first_seen_at": now, "last_seen_at": now}
    found = Source.objects.bulk_create(Source(datasource_id=uuid4(), **what) for _ in range(500))
    counts = []
    for part in (found[:3], found):
        path = f"/downloads/batches/{batches.create(alice, part).pk}/"
        with django_assert_max_num_queries(60) as cost:
            web.get(path)
            web.post(f"{path}begin/")
        with django_assert_max_num_queries(20) as progress:
            assert web.get(path).content.decode().count("Waiting for its link") == len(part)
        counts.append((len(cost), len(progress)))
    few, many = counts
    assert (many[0] - few[0] <= 6, many[1]) == (True, few[1])  # bulk_create in more than one part


def test_batches_are_forgotten_after_a_month(batch):
    DownloadBatch.objects.update(created_at=timezone.now() - timedelta(days=29))
    batches.tidy()
    assert DownloadBatch.objects.exists()
    DownloadBatch.objects.update(created_at=timezone.now() - timedelta(days=31))
    batches.tidy()
    assert not DownloadBatch.objects.exists()
