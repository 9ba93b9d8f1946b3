import base64
import contextlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from accounts import teams
from accounts.roles import Role
from core import leases, live, redis, semaphore
from datasources import notices, tasks
from datasources.copies import jobs, opened
from datasources.copies.compare import jobs as comparisons
from datasources.deleting import bin
from datasources.downloads import links
from datasources.gateway import retry
from datasources.mirror import newest, readings, webhooks
from datasources.models import (
    ApiKey,
    Deletion,
    DownloadLink,
    Leased,
    Newest,
    Outlet,
    OutletTest,
    Refusal,
    Source,
    Sync,
    Watch,
)
from datasources.models.notices import Topic
from datasources.notices import channels
from datasources.uploads import queue
from tests.conftest import synced, taken
from tests.support.processes import wait_for
from tests.support.uploads import received


@pytest.fixture
def source(account, key) -> Source:
    account.upload("a.csv", "id,name\n1,x\n")
    [source] = synced(key)
    Sync.objects.update(due_at=None)
    Watch.objects.update(due_at=None)
    return source


@pytest.fixture
def link(source, alice) -> DownloadLink:
    return links.ask(source, alice, 300)


def handed_over(queue: str) -> list[tuple[str, list]]:
    """The tasks that wait for a worker: their names and arguments, oldest first."""
    messages = [json.loads(text) for text in reversed(redis.connection().lrange(queue, 0, -1))]
    return [(one["headers"]["task"].split(".")[-1], json.loads(base64.b64decode(one["body"]))[0]) for one in messages]


def queue_of(name: str) -> str:
    return current_app.amqp.router.route({}, name)["queue"].name


def run(link: DownloadLink) -> str:
    return tasks.make_link(str(link.pk), leases.claim(DownloadLink, link.pk))


def _closing(task):
    """For another thread: leaves no connection behind."""

    def run_and_close(*arguments: str) -> str:
        try:
            return task(*arguments)
        finally:
            connections.close_all()

    return run_and_close


def test_mails_of_invitations_leave_threads_to_others_while_the_mail_server_is_silent(alice):
    team = teams.create("Team", alice)
    invitation = teams.invite(team, alice, Role.VIEWER, timezone.now() + timedelta(days=1), "dora@example.com")
    arguments = [str(invitation.pk), "https://claro.example.com/"]
    with contextlib.ExitStack() as under_way:
        for _ in range(tasks.MAILS_AT_ONCE):
            assert under_way.enter_context(semaphore.place({"mails": tasks.MAILS_AT_ONCE}, 20))
        assert tasks.mail_invitation(*arguments) == "waits"
    assert handed_over("background") == [("mail_invitation", arguments)]
    assert tasks.mail_invitation(*arguments) == "sent"


def test_work_that_is_started_goes_to_the_workers_with_its_id_and_lease(link):
    tasks.start(link)
    link.refresh_from_db()
    assert handed_over("interactive") == [("make_link", [str(link.pk), link.leased_until.isoformat()])]
    assert handed_over("background") == []


def test_work_in_hand_is_not_handed_over_again(link):
    tasks.start(link)
    tasks.start(link)
    tasks.tick()
    assert len(handed_over("interactive")) == 1


def test_what_is_not_due_is_not_started(link):
    DownloadLink.objects.update(due_at=None)
    tasks.start(link)
    assert handed_over("interactive") == []


def test_a_tick_finds_all_that_is_due_and_what_a_person_waits_for_has_its_own_queue(link, key):
    Sync.objects.update(due_at=timezone.now())
    Watch.objects.update(due_at=timezone.now())
    tasks.tick()
    assert [name for name, _arguments in handed_over("interactive")] == ["make_link"]
    assert sorted(name for name, _arguments in handed_over("background")) == ["look_at_key", "sync_key"]
    assert dict(handed_over("background"))["sync_key"][0] == str(key.sync.pk)


def test_what_a_worker_lost_is_found_by_a_tick_when_its_lease_has_ended(link):
    tasks.start(link)
    redis.connection().flushall()
    tasks.tick()
    assert handed_over("interactive") == []
    DownloadLink.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    tasks.tick()
    assert [arguments[0] for _name, arguments in handed_over("interactive")] == [str(link.pk)]


def test_a_broker_that_is_away_is_survived_and_the_work_found_again(link, redis_server, caplog):
    redis_server.stop()
    try:
        with caplog.at_level(logging.WARNING):
            tasks.start(link)
    finally:
        redis_server.start()
    assert "waits until the broker is back" in caplog.text
    DownloadLink.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    tasks.tick()
    assert len(handed_over("interactive")) == 1


def test_a_task_says_what_became_of_the_work(link, account):
    account.fault("answer", status=503, body="oops")
    assert run(link) == "pending"
    DownloadLink.objects.update(due_at=timezone.now())
    assert run(link) == "ready"


def test_the_other_tasks_say_it_too(source, key):
    for model, task in ((Sync, tasks.sync_key), (Watch, tasks.look_at_key)):
        model.objects.update(due_at=timezone.now())
        work = model.objects.get()
        assert task(str(work.pk), leases.claim(model, work.pk)) == "done"


def test_work_that_somebody_else_took_over_is_left_alone(link, account):
    lease = leases.claim(DownloadLink, link.pk)
    DownloadLink.objects.update(leased_until=timezone.now() + timedelta(seconds=99))
    assert tasks.make_link(str(link.pk), lease) == "taken"
    assert account.calls("/download") == []


def test_a_task_delivered_twice_does_its_work_once(link, account):
    lease = leases.claim(DownloadLink, link.pk)
    assert tasks.make_link(str(link.pk), lease) == "ready"
    assert tasks.make_link(str(link.pk), lease) == "taken"
    assert len(account.calls("/download")) == 1


@pytest.mark.parametrize("gone", ["link", "key"])
def test_work_that_is_gone_is_left_alone(link, key, gone):
    link_id, lease = str(link.pk), leases.claim(DownloadLink, link.pk)
    (key if gone == "key" else link).delete()
    assert tasks.make_link(link_id, lease) == "taken"


def test_work_whose_key_is_deleted_meanwhile_is_left_alone(source, key, account):
    Sync.objects.update(due_at=timezone.now())
    sync_id, lease = str(key.sync.pk), leases.claim(Sync, key.sync.pk)
    account.hold_up()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_closing(tasks.sync_key), sync_id, lease)
        wait_for(account.held_up)
        key.delete()
        account.let_go()
        assert running.result() == "taken"


def test_tidying_forgets_old_links_and_ended_sessions(link):
    DownloadLink.objects.update(state="failed", created_at=timezone.now() - timedelta(days=30))
    Session.objects.create(session_key="ended", expire_date=timezone.now() - timedelta(days=1))
    lasting = Session.objects.create(session_key="lasting", expire_date=timezone.now() + timedelta(days=1))
    tasks.tidy()
    assert not DownloadLink.objects.exists()
    assert list(Session.objects.all()) == [lasting]


def test_work_that_could_not_be_sent_is_not_held_back_by_its_lease(link, redis_server):
    redis_server.stop()
    try:
        tasks.start(link)
        link.refresh_from_db()
        assert link.leased_until is None
    finally:
        redis_server.start()
    tasks.tick()
    assert len(handed_over("interactive")) == 1


@pytest.fixture
def broken(settings, monkeypatch) -> None:
    """The client, the mail and the readers of copies fail with exceptions that nothing expects."""
    settings.CLARO_API_BASE_URL = None
    monkeypatch.setattr(opened, "reader", None)
    settings.EMAIL_BACKEND = "nowhere.signature=a-secret"


@pytest.fixture
def pieces(source, key, alice) -> dict[type[Leased], Leased]:
    """One piece of work of each kind."""
    link = links.ask(source, alice, 300)
    outlet = channels.save(alice, Outlet.Kind.MAIL)
    notices.tell_of(key, Topic.FAILED, [source])
    bin.put([source], alice, now=True)
    live.note_presence(alice.pk)
    newest.wake([key])
    works = [link, webhooks.switch_on(key), key.watch, key.sync, outlet, Deletion.objects.get()]
    works += [channels.ask_test(outlet), Newest.objects.get(), readings.wake(source)]
    copy = jobs.start(source, alice)
    works += [Refusal.objects.get_or_create(key=key)[0], copy, comparisons.ask(copy, copy, [], alice)]
    works.append(queue.add(alice, key, received()))
    return {type(work): work for work in works}


# A test of a channel counts its attempts before it sends, so that those of killed workers count too.
COUNTED_AFTER = [model for model in tasks.TASKS if model is not OutletTest]


def test_tasks_keep_their_names_and_go_to_the_queue_of_their_work():
    """A message that waits in the broker during an upgrade names its task."""
    names = [task.name for task in tasks.TASKS.values()]
    queues = {name.removeprefix("datasources.tasks."): queue_of(name) for name in names}
    assert queues == {
        "make_link": "interactive",
        "read_details": "interactive",
        "send_test": "interactive",
        "ask_refused_key": "background",
        "compare_copies": "background",
        "copy_table": "background",
        "delete_source": "background",
        "look_at_key": "background",
        "read_newest_page": "background",
        "send_notices": "background",
        "send_upload": "background",
        "sync_key": "background",
        "tend_hook": "background",
    }


def test_a_test_of_a_channel_that_breaks_ends_with_a_problem(pieces, broken):
    work = pieces[OutletTest]
    for _ in range(channels.TEST_ATTEMPTS):
        tasks.send_test(str(work.pk), taken(work))
    work.refresh_from_db()
    assert (work.due_at, work.leased_until) == (None, None)
    assert work.problem


@pytest.mark.parametrize("model", COUNTED_AFTER)
def test_work_that_breaks_counts_attempts_with_growing_pauses_and_ends_with_a_problem(
    pieces, still, key, broken, caplog, model
):
    work, pauses = pieces[model], []
    for attempt in range(1, retry.ATTEMPTS_AT_MOST):
        began = timezone.now()
        assert tasks.TASKS[model](str(work.pk), taken(work)) == "failed"
        work.refresh_from_db()
        assert (work.attempts, work.leased_until) == (attempt, None)
        pauses.append(work.due_at - began)
    assert pauses == sorted(pauses)
    assert tasks.TASKS[model](str(work.pk), taken(work)) == "failed"
    work.refresh_from_db()
    assert work.leased_until is None
    assert work.due_at is None or work.due_at > timezone.now() + timedelta(minutes=5)
    problem = work.problem if hasattr(work, "problem") else ApiKey.objects.get(pk=key.pk).problem
    assert retry.Broken.words in str(problem)
    assert f"of {work.pk} failed" in caplog.text
    assert "a-secret" not in caplog.text
