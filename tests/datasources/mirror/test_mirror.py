import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from core import leases
from datasources import mirror
from datasources.claro import COMPLETED, DataSource, NumberText
from datasources.gateway.budget import Lane
from datasources.mirror import sync
from datasources.models import ApiKey, Source, Sync
from tests.conftest import synced, taken
from tests.support.sandbox import HTML_502


def test_250_sources_are_learnt_with_three_calls(key, account):
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(250)])
    assert len(synced(key)) == 250
    assert len(account.calls()) == 3
    key.sync.refresh_from_db()
    assert (key.sync.seen, key.sync.total, key.sync.is_running) == (250, 250, False)


def test_what_is_new_changed_or_gone_at_claro_is_so_here(key, account):
    first, second = account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv", "status": "processing"}])
    synced(key)
    account.change(second, status="completed", extra={"rowCount": 7})
    account.sandbox.store.delete(account.sandbox.store.sources[str(first)])
    third = account.add(fileName="c.csv")
    assert {source.datasource_id for source in synced(key)} == {second, third}
    changed = Source.objects.get(datasource_id=second)
    assert (changed.status, changed.extra) == ("completed", {"rowCount": 7, "columnCount": 0, "columns": []})
    assert [change.status for change in changed.timeline()] == ["processing", "completed"]
    assert Source.objects.get(datasource_id=first).gone_at is not None


def test_a_source_that_a_shifting_page_hid_is_asked_for_before_it_is_gone(key, account):
    hidden = account.add(fileName="hidden.csv")
    synced(key)
    body = '{"dataSources": [], "pagination": {"page": 1, "total": 0}}'
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"})
    assert [source.datasource_id for source in synced(key)] == [hidden]


def test_a_sweep_that_was_cut_goes_on_where_it_stopped(key, account):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(250)])
    account.fault("answer", status=500, body="oops", skip=2)
    assert sync.run(str(key.sync.pk), leases.claim(Sync, key.sync.pk)) == "put back"
    key.sync.refresh_from_db()
    assert (key.sync.next_page, key.sync.seen, key.sync.is_running) == (3, 200, True)
    assert sync.run(str(key.sync.pk), taken(key.sync)) == "done"
    assert key.sources.count() == 250
    assert len(account.calls()) == 4
    key.sync.refresh_from_db()
    assert key.sync.finished_at is not None


def test_an_old_answer_never_undoes_a_newer_one(key, account):
    source_id = account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    with mirror.gateway.client(key, Lane.PERSON) as claro:
        slow_answer = claro.get_datasource(source_id)
    asked_at = timezone.now()
    account.change(source_id, status="completed")
    with mirror.gateway.client(key, Lane.PERSON) as claro:
        mirror.learn(source, claro)
    mirror.record(key, [slow_answer], asked_at)
    source.refresh_from_db()
    assert source.status == COMPLETED


def test_of_lists_and_single_answers_each_field_has_the_newest_value(key, account):
    source_id = account.add(fileName="a.csv")
    [source] = synced(key)
    listed = DataSource.from_api({"datasourceId": str(source_id), "status": "completed", "a": 1, "b": 1})
    alone = DataSource.from_api({"datasourceId": str(source_id), "status": "completed", "b": 2, "c": 2})
    start = timezone.now()

    def facts() -> dict:
        return Source.objects.get(pk=source.pk).facts

    mirror.record(key, [listed], start + timedelta(seconds=1))
    mirror.record(key, [alone], start + timedelta(seconds=2), are_details=True)
    assert facts() == {"a": 1, "b": 2, "c": 2}
    mirror.record(key, [listed], start + timedelta(seconds=3))
    assert facts() == {"a": 1, "b": 1, "c": 2}


def test_a_slow_answer_about_a_source_brings_its_own_fields_and_undoes_nothing(key, account):
    source_id = account.add(fileName="a.csv")
    [source] = synced(key)

    def answer(status: str, **more) -> DataSource:
        return DataSource.from_api({"datasourceId": str(source_id), "status": status, **more})

    start = timezone.now()
    mirror.record(key, [answer("failed", a=2)], start + timedelta(seconds=2))
    mirror.record(key, [answer("completed", a=1, rowCount=7)], start + timedelta(seconds=1), are_details=True)
    source.refresh_from_db()
    assert (source.status, source.facts) == ("failed", {"a": 2, "rowCount": 7})
    mirror.record(key, [answer("completed", rowCount=1)], start, are_details=True)
    source.refresh_from_db()
    assert source.facts["rowCount"] == 7


def test_the_number_of_rows_is_that_of_the_newest_answer_or_was_read_from_this_version(key, account):
    source_id, start = account.add(fileName="a.csv"), timezone.now()
    synced(key)

    def counted(seconds: int, *, are_details: bool = False, **more) -> int | None:
        answer = DataSource.from_api({"datasourceId": str(source_id), "status": "completed", **more})
        mirror.record(key, [answer], start + timedelta(seconds=seconds), are_details=are_details)
        return Source.objects.get(datasource_id=source_id).row_count

    assert counted(1, rowCount=7) == 7
    assert counted(2, rowCount=8, are_details=True) == 8
    for place, impossible in enumerate((-1, 2**31, 1.5, True, "9"), start=3):
        Source.objects.update(row_count=None)
        assert counted(place, rowCount=impossible) is None
    Source.objects.update(details={}, row_count=None)
    source = Source.objects.get(datasource_id=source_id)
    source.note_rows(5)
    source.note_rows(6)  # known meanwhile
    assert counted(8, fileName="b.csv") == 5
    assert counted(9, processedAt="2026-11-27T12:00:00Z") is None
    assert (
        mirror.record(
            key, [DataSource.from_api({"datasourceId": str(uuid.uuid4()), "status": "completed", "rowCount": 3})], start
        )[0].row_count
        == 3
    )


def test_a_source_that_is_processed_once_more_began_again_when_that_was_seen(key, account):
    source_id = account.add(fileName="a.csv", age=7200)
    synced(key)
    account.change(source_id, status="processing")
    before = timezone.now()
    [source] = synced(key)
    assert before <= source.restarted_at <= timezone.now()
    assert [change.at for change in source.timeline()][-1] == source.restarted_at
    again_at = source.restarted_at
    for status in ("reading", "processing", "completed"):
        account.change(source_id, status=status)
        [source] = synced(key)
        assert (source.status, source.restarted_at) == (status, again_at)


def test_a_source_on_its_first_way_has_not_begun_again(key, account):
    source_id = account.add(fileName="a.csv", status="queued")
    for status in ("processing", "reading", "failed"):
        account.change(source_id, status=status)
        [source] = synced(key)
        assert (source.status, source.restarted_at) == (status, None)


def test_an_unknown_status_is_kept_as_it_is_and_watched(key, account):
    account.add(fileName="a.csv", status="quarantined")
    [source] = synced(key)
    assert source.status == "quarantined"
    assert source.is_processing
    key.watch.refresh_from_db()
    assert key.watch.due_at is not None


def test_a_broken_api_leaves_the_copy_and_says_so(key, account):
    account.add(fileName="a.csv")
    synced(key)
    account.fault("answer", status=502, body=HTML_502, times=9)
    assert len(synced(key)) == 1
    key.refresh_from_db()
    assert key.problem["kind"] == "Unreachable"


def test_a_plan_without_api_access_is_told(key, account):
    account.refuse("ACCESS_DENIED", 403, "Your plan has no API access.", times=9)
    synced(key)
    key.refresh_from_db()
    key.sync.refresh_from_db()
    assert key.problem["kind"] == "AccessDenied"
    assert key.sync.due_at is not None


def test_deleting_takes_a_source_off_the_list_and_its_links_with_it(key, account, alice):
    from datasources.downloads import links

    account.add(fileName="a.csv")
    [source] = synced(key)
    links.ask(source, alice, 300)
    assert mirror.delete(source) is True
    assert not Source.objects.filter(gone_at=None).exists()
    assert not source.links.exists()


def test_deleting_what_is_gone_already_counts_as_done(key, account):
    account.add(fileName="a.csv")
    [source] = synced(key)
    account.sandbox.store.sources.clear()
    assert mirror.delete(source) is False
    source.refresh_from_db()
    assert source.gone_at is not None


def test_hostile_names_and_fields_are_kept_as_text(key, account):
    source = r'{"datasourceId": "ID", "fileName": "<script>\u0000\ud800.csv", "status": "completed"'
    source += r', "x": {"y": ["\u0000", 1e999]}}'
    body = f'{{"dataSources": [{source.replace("ID", str(uuid.uuid4()))}]}}'
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"})
    [source] = synced(key)
    source.refresh_from_db()
    assert (source.name, source.facts) == ("<script>\ufffd\ufffd.csv", {"x": {"y": ["\ufffd", NumberText("1e999")]}})


def test_waking_starts_only_stale_syncs(key, account):
    synced(key)
    assert sync.wake([key], older_than=timedelta(minutes=10)) == []
    assert [one.key_id for one in sync.wake([key])] == [key.pk]
    Sync.objects.update(due_at=None, started_at=timezone.now())
    assert sync.wake([key]) == []


def test_a_fresh_copy_is_not_written_to(key, account, django_assert_num_queries):
    synced(key)
    with django_assert_num_queries(1) as queries:
        assert sync.wake([key], older_than=timedelta(minutes=10)) == []
    assert queries[0]["sql"].startswith("SELECT")


def test_a_refused_key_is_not_woken(key):
    ApiKey.objects.update(state="invalid")
    assert sync.wake([key]) == []


def test_a_lease_that_was_lost_stops_the_sweep(key, account):
    account.add(fileName="a.csv")
    lease = leases.claim(Sync, key.sync.pk)
    Sync.objects.update(leased_until=timezone.now() + timedelta(seconds=99))
    with pytest.raises(leases.LeaseLost):
        sync.run(str(key.sync.pk), lease)
    assert account.calls() == []


def test_the_name_to_search_in_is_that_of_the_last_answer_and_is_renewed_where_it_is_missing(key):
    def answered(name: str) -> str:
        answer = DataSource(uuid.UUID(int=1), name, "text/csv", 1, COMPLETED, None, None)
        mirror.record(key, [answer], timezone.now())
        return Source.objects.get().folded_name

    assert answered("Été.csv") == "ete.csv"
    assert answered("É" * 300 + ".csv") == "e" * 250
    Source.objects.update(folded_name="")
    assert answered("É" * 300 + ".csv") == "e" * 250
