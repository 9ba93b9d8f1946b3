import json
from datetime import timedelta
from itertools import takewhile

import pytest
import requests
import responses
import time_machine
from django.utils import timezone

from core import leases, live, redis, vault
from datasources import keys
from datasources.claro import BadAnswer, DatasourceNotFound, RateLimited
from datasources.downloads import links
from datasources.gateway import KeyRefused, KeyUnreadable, RefusalInDoubt
from datasources.gateway.breaker import CircuitOpen
from datasources.models import ApiKey, DownloadLink, Source
from tests.conftest import asked_again, synced
from tests.support.breaker import the_pause_is_over
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once

NOW = "2026-11-24T12:00Z"
HTTPS = "https://claro.test/api/v2"


@pytest.fixture
def source(account, key) -> Source:
    account.upload("a.csv", "id,name\n1,x\n")
    return synced(key)[0]


@pytest.fixture
def told():
    """Gives the names of the events so far."""
    with redis.connection().pubsub() as channel:
        channel.subscribe(live.CHANNEL)

        def names() -> list[str]:
            redis.connection().publish(live.CHANNEL, "end")
            data = (message["data"] for message in channel.listen() if message["type"] == "message")
            return [name for text in takewhile(b"end".__ne__, data) for name in json.loads(text)["names"]]

        yield names


@pytest.fixture
def at_https(alice, settings) -> DownloadLink:
    """A pending link at an API that is reached by https."""
    settings.CLARO_API_BASE_URL = HTTPS
    key = keys.add(alice, "Main", "a-secret-key", ApiKey.State.VALID)
    now = timezone.now()
    source = Source.objects.create(
        key=key, datasource_id=key.pk, status="completed", first_seen_at=now, last_seen_at=now
    )
    return links.ask(source, alice, 300)


def made(link: DownloadLink) -> str:
    """What a worker's task would say that makes this link now."""
    DownloadLink.objects.filter(pk=link.pk).update(due_at="2020-01-01T00:00Z", leased_until=None)
    word = links.make(str(link.pk), leases.claim(DownloadLink, link.pk))
    if word != "gone":
        link.refresh_from_db()
    return word


def ready(source: Source, user, ends_in: timedelta) -> DownloadLink:
    link = links.ask(source, user, 3600)
    assert made(link) == "ready"
    DownloadLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() + ends_in)
    return link


def signed(account) -> int:
    return len(account.calls("/download", "POST"))


def test_a_link_leads_to_the_original_file(source, alice, account):
    link = links.ask(source, alice, 300)
    assert (link.state, link.asked_by, links.target(link)) == ("pending", alice, None)
    assert made(link) == "ready"
    assert requests.get(links.target(link), timeout=10).content == b"id,name\n1,x\n"
    assert timedelta(minutes=4) < link.expires_at - timezone.now() <= timedelta(minutes=5)
    assert (link.due_at, link.leased_until, link.problem) == (None, None, None)
    assert account.calls("/download")[0]["method"] == "POST"
    assert signed(account) == 1


def test_the_signed_url_is_sealed(source, alice):
    link = links.ask(source, alice, 300)
    made(link)
    assert "signature=" in link.unseal()
    [row] = DownloadLink.objects.values()
    assert vault.is_current(row["url"])
    assert "signature" not in str(row)


def test_open_pages_are_told(source, alice, told):
    link = links.ask(source, alice, 300)
    made(link)
    assert told() == ["downloads-changed", "downloads-changed", f"link-{link.pk}"]


@pytest.mark.parametrize(("left_s", "same"), [(61, True), (60, False), (59, False), (-1, False)])
def test_a_link_is_used_again_while_more_than_a_minute_is_left(source, alice, bob, left_s, same):
    with time_machine.travel(timezone.now(), tick=False):
        link = ready(source, alice, timedelta(seconds=left_s))
        again = links.ask(source, bob, 3600)
    assert (again.pk == link.pk) is same
    assert again.is_pending is not same


def test_the_link_that_lives_longest_is_used(source, alice):
    short = ready(source, alice, timedelta(minutes=5))
    made(longest := links.ask(source, alice, 86_400, renew=True))
    assert longest.pk != short.pk
    assert links.ask(source, alice, 300).pk == longest.pk


def test_an_ended_link_has_no_target(source, alice):
    link = ready(source, alice, timedelta(seconds=59))
    link.refresh_from_db()
    assert links.target(link) is None


def test_asking_for_a_link_that_is_alive_waits_for_no_lock(source, alice, django_assert_num_queries):
    link = ready(source, alice, timedelta(hours=1))
    with django_assert_num_queries(1):
        assert links.ask(source, alice, 300).pk == link.pk


def test_renewing_makes_a_new_link_and_leaves_the_old_one(source, alice, account):
    old = ready(source, alice, timedelta(hours=1))
    new = links.ask(source, alice, 3600, renew=True)
    assert new.pk != old.pk
    assert links.ask(source, alice, 3600, renew=True).pk == new.pk  # twice clicked
    assert made(new) == "ready"
    old.refresh_from_db()
    assert links.target(old)
    assert signed(account) == 2


def test_two_clicks_are_one_link(source, alice, bob):
    first = links.ask(source, alice, 300)
    assert links.ask(source, alice, 3600).pk == links.ask(source, bob, 300).pk == first.pk


def test_many_people_at_once_cost_one_call(source, alice, account):
    def ask_and_make() -> str:
        link = links.ask(source, alice, 300)
        if lease := leases.claim(DownloadLink, link.pk):
            links.make(str(link.pk), lease)
        return str(link.pk)

    got = at_once(10, ask_and_make)
    assert len(set(got)) == 1
    assert DownloadLink.objects.get().state == "ready"
    assert signed(account) == 1


@pytest.mark.parametrize(
    ("answer", "lives_s"),
    [
        ({"url": "http://127.0.0.1/f"}, 300),
        ({"downloadUrl": "http://127.0.0.1/f", "expiresIn": 120}, 120),
        ({"data": {"url": "https://files.test/f", "expiresAt": "2026-11-24T12:30:00Z"}}, 1800),
    ],
)
def test_its_end_is_what_the_api_says_or_what_was_asked_for(source, alice, account, answer, lives_s):
    account.fault("answer", status=200, body=json.dumps(answer), headers={"Content-Type": "application/json"})
    with time_machine.travel(NOW, tick=False):
        link = links.ask(source, alice, 300)
        made(link)
        assert link.expires_at == timezone.now() + timedelta(seconds=lives_s)


@pytest.mark.parametrize("target", ["https://files.claro.test/f?signature=x", "http://files.claro.test/f"])
@responses.activate
def test_behind_https_only_https_is_followed(at_https, target):
    responses.post(f"{HTTPS}/datasources/{at_https.source.datasource_id}/download", json={"url": target})
    is_safe = target.startswith("https")
    made(at_https)
    assert links.target(at_https) == (target if is_safe else None)
    assert isinstance(at_https.trouble, BadAnswer) is not is_safe


@pytest.mark.parametrize("target", ["javascript:alert(1)", "file:///etc/passwd", "http://user@files.test/", "//x/f"])
def test_what_is_no_plain_address_is_never_followed(source, alice, account, target):
    body = json.dumps({"url": target})
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"}, times=9)
    link = links.ask(source, alice, 300)
    assert made(link) == "pending"
    with time_machine.travel(timezone.now() + links.PATIENCE, tick=False):
        assert made(link) == "failed"
    assert (links.target(link), link.url) == (None, "")


def test_a_source_that_is_gone_takes_its_link_along(source, alice, account, told):
    link = links.ask(source, alice, 300)
    account.sandbox.store.sources.clear()
    assert made(link) == "gone"
    source.refresh_from_db()
    assert source.gone_at is not None
    assert not DownloadLink.objects.exists()
    assert {"sources-changed", f"source-{source.datasource_id}"} <= set(told())


def test_the_rate_limit_puts_it_off_without_giving_up(source, alice, account):
    account.fault("answer", status=429, headers={"Retry-After": "30"}, body="slow down")
    link = links.ask(source, alice, 300)
    before = timezone.now()
    assert made(link) == "pending"
    assert timedelta(seconds=29) < link.due_at - before < timedelta(seconds=60)
    assert (link.attempts, link.leased_until) == (0, None)
    assert isinstance(link.trouble, RateLimited)
    for _ in range(3):  # held back here, without a call
        assert made(link) == "pending"
    assert signed(account) == 1
    redis.connection().flushall()
    assert made(link) == "ready"
    assert link.trouble is None


def test_a_refused_key_makes_it_wait_for_the_person_who_replaces_it(source, alice, account, key):
    good = account.another_key()
    link = links.ask(source, alice, 300)
    account.revoke()
    assert made(link) == "pending"
    assert isinstance(link.trouble, RefusalInDoubt)
    assert asked_again(key) == "refused"
    assert made(link) == "pending"
    assert (link.due_at, type(link.trouble)) == (None, KeyRefused)
    keys.replace_secret(key, good, ApiKey.State.VALID)
    link.refresh_from_db()
    assert (link.attempts, link.trouble) == (0, None)
    assert leases.claim(DownloadLink, link.pk)
    assert made(link) == "ready"


def test_a_key_that_cannot_be_read_makes_it_wait_too(source, alice, settings):
    link = links.ask(source, alice, 300)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert made(link) == "pending"
    assert isinstance(link.trouble, KeyUnreadable)
    assert link.due_at > timezone.now() + timedelta(minutes=4)
    assert link.goes_on_at is None  # not by itself


@pytest.mark.parametrize(("status", "text"), [(502, HTML_502), (500, "oops"), (200, HTML_502)])
def test_what_may_pass_is_tried_again_by_itself(still, source, alice, account, status, text):
    account.fault("answer", status=status, body=text, times=2)
    link = links.ask(source, alice, 300)
    assert made(link) == "pending"
    assert timezone.now() < link.goes_on_at < timezone.now() + timedelta(seconds=3)
    assert made(link) == "pending"
    assert (made(link), link.trouble, link.goes_on_at) == ("ready", None, None)
    assert signed(account) == 3


def test_behind_an_open_breaker_it_waits_without_a_call_for_as_long_as_that_says(source, alice, account):
    account.fault("answer", status=502, body=HTML_502, times=3)
    link = links.ask(source, alice, 300)
    assert [made(link) for _ in range(5)] == ["pending"] * 5
    assert isinstance(link.trouble, CircuitOpen)
    assert (link.attempts, signed(account)) == (3, 3)
    assert link.goes_on_at == link.trouble.retry_at
    the_pause_is_over(source.key)
    assert made(link) == "ready"
    assert signed(account) == 4


def test_after_ten_minutes_without_a_usable_answer_it_says_so_and_one_may_try_again(source, alice, account):
    account.fault("drop", times=99)
    link = links.ask(source, alice, 300)
    with time_machine.travel(NOW, tick=False) as clock:
        assert [made(link) for _ in range(4)] == ["pending"] * 4
        clock.shift(links.PATIENCE - timedelta(seconds=1))
        assert made(link) == "pending"
        clock.shift(timedelta(seconds=1))
        assert made(link) == "failed"
    assert (link.due_at, link.trouble.user_message) == (None, CircuitOpen.words)
    account.sandbox.faults.clear()
    the_pause_is_over(source.key)
    again = links.ask(source, alice, 300)
    assert again.pk != link.pk
    assert made(again) == "ready"


def test_waiting_for_a_person_does_not_count_as_silence(source, alice, account, key):
    good = account.another_key()
    link = links.ask(source, alice, 300)
    account.fault("answer", status=500, body="oops")
    with time_machine.travel(NOW, tick=False):
        assert made(link) == "pending"
    account.revoke()
    assert made(link) == "pending"
    key.refresh_from_db()
    keys.replace_secret(key, good, ApiKey.State.VALID)
    account.fault("answer", status=500, body="oops")
    assert (made(link), made(link)) == ("pending", "ready")


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "PROCESSING_IN_PROGRESS", "INVALID_PARAMETERS"])
def test_what_will_not_pass_fails_at_once_with_the_reason(source, alice, account, code):
    account.refuse(code, 400)
    link = links.ask(source, alice, 300)
    assert made(link) == "failed"
    assert link.trouble.code == code
    assert signed(account) == 1


def test_who_lost_the_lease_writes_nothing(source, alice, account):
    link = links.ask(source, alice, 300)
    lease = leases.claim(DownloadLink, link.pk)
    DownloadLink.objects.update(leased_until=timezone.now() + timedelta(seconds=99))
    with pytest.raises(leases.LeaseLost):
        links.make(str(link.pk), lease)
    link.refresh_from_db()
    assert link.is_pending
    assert signed(account) == 0


def test_a_link_that_cannot_be_read_is_not_used(source, alice, settings):
    link = ready(source, alice, timedelta(hours=1))
    link.refresh_from_db()
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert links.target(link) is None
    assert links.ask(source, alice, 300).is_pending


def test_the_api_may_say_at_once_that_a_source_is_unknown(source, alice, account):
    account.refuse(DatasourceNotFound.api_code, 404)
    assert made(links.ask(source, alice, 300)) == "gone"


def test_links_are_forgotten_a_week_after_their_end(source, alice):
    ready(source, alice, timedelta(hours=1))
    failed = links.ask(source, alice, 300, renew=True)
    long_ago = timezone.now() - links.FORGET_AFTER - timedelta(seconds=1)
    DownloadLink.objects.filter(pk=failed.pk).update(state="failed")
    waiting = links.ask(source, alice, 300, renew=True)
    DownloadLink.objects.update(created_at=long_ago)
    young = DownloadLink.objects.create(source=source, state="failed", expires_in_s=300)
    links.tidy()
    assert set(DownloadLink.objects.all()) == {waiting, young}
