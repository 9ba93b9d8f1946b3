"""The page that compares a table with another one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import leases
from core.wsgi import Cut
from datasources import keys
from datasources.copies import store, upkeep
from datasources.copies.compare import jobs, match, work
from datasources.copies.exports import streaming
from datasources.copies.store import CopyLost
from datasources.models import ApiKey, Comparison, Export, Source, TableCopy
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.html import all_words, dom, told, words

COLUMNS = ["id", "name", "price"]
BEFORE = [[1, "a", 1.5], [2, "b", 2.0], [3, "c", 3.5]]
NOW = [[1, "a", 1.5], [2, "b", 2.5], [4, "d", 4.5]]


@pytest.fixture
def earlier(account, key, table) -> Source:
    """An earlier file of the same name pattern as the table's."""
    account.add(fileName=f"2025-01-01 {table.file_name}", status="completed", uploadedAt="2020-01-01T00:00:00Z")
    return next(one for one in synced(key) if one.pk != table.pk)


@pytest.fixture
def both(earlier, table) -> tuple[TableCopy, TableCopy]:
    return copied(earlier, COLUMNS, BEFORE), copied(table, COLUMNS, NOW)


@pytest.fixture
def address(table, earlier) -> str:
    return f"/sources/{table.datasource_id}/compare/?with={earlier.datasource_id}"


def done() -> Comparison:
    """A worker has done what it was handed."""
    Comparison.objects.update(leased_until=None)
    for pk, lease in leases.claim_due(Comparison):
        work.run(pk, lease)
    return Comparison.objects.order_by("-created_at").first()


def test_two_tables_are_compared_by_a_worker_and_shown(web, address, both):
    page = web.get(address)
    assert page.status_code == 202
    assert "Comparing the tables" in words(page)
    assert done().is_ready
    page = web.get(address)
    assert page.status_code == 200
    assert "Rows matched by id (guessed)" in words(page)
    for count in ("3 different", "+ 1 added", "− 1 removed", "~ 1 changed", "1 unchanged; 3 rows before, 3 now"):
        assert count in words(page)
    assert all_words(page, ".//table[@id='differences']/tbody/tr[1]/*") == [
        "~ changed",
        "2",
        "2",
        "2",
        "b",
        "2.0 → 2.5",
    ]
    assert page.content.count(b"<del>2.0</del>") == 1
    assert Comparison.objects.count() == 1


def test_columns_may_have_the_names_of_the_table_of_differences(web, table, earlier, address):
    names = ["Change", "price changed", "price", "price (now)"]
    copied(earlier, names, [["removed", True, n, n] for n in range(3)] + [["added", False, 3, 3]])
    copied(
        table, names, [["removed", True, n, n] for n in range(2)] + [["added", False, 4, 3], ["changed", True, 5, 5]]
    )
    address += "&on=Change&on=price+changed"
    web.get(address)
    assert done().is_ready
    assert all_words(web.get(f"{address}&cell=price"), ".//table[@id='differences']/tbody/tr/th") == ["~ changed"]
    assert all_words(web.get(f"{address}&change=added"), ".//table[@id='differences']/tbody/tr/th") == ["+ added"]
    told = b"".join(web.get(f"{address}&change=changed&format=csv").streaming_content).decode()
    assert sorted(told.splitlines()[0].split(",")) == sorted(
        ["Change", "Change", "Row before", "Row now", "price changed"]
        + [f"{name} ({when})" for name in ("price", "price (now)") for when in ("before", "now")]
    )


def test_the_table_is_filtered_by_kind_and_by_column(web, address, both):
    web.get(address)
    done()
    assert all_words(web.get(f"{address}&change=added"), ".//table[@id='differences']/tbody/tr/th") == ["+ added"]
    assert all_words(web.get(f"{address}&change=removed"), ".//table[@id='differences']/tbody/tr/th") == ["− removed"]
    assert all_words(web.get(f"{address}&cell=price"), ".//table[@id='differences']/tbody/tr/th") == ["~ changed"]
    page = web.get(f"{address}&change=added&cell=price")
    assert "No such differences" in words(page)
    assert "There is no page 7" in words(web.get(f"{address}&page=7"))
    assert web.get(f"{address}&change=nonsense").status_code == 400


def test_whole_rows_and_other_keys_can_be_chosen(web, address, both):
    for query, head in (("&on=", "Whole rows are compared"), ("&on=name&on=id", "Rows matched by name, id")):
        web.get(address + query)
        done()
        page = web.get(address + query)
        assert head in words(page)
    assert "2 removed" in words(web.get(f"{address}&on="))
    page = web.get(f"{address}&on=nothing")
    assert page.status_code == 422
    assert "The column “nothing” is not in both tables." in told(page)


@pytest.mark.slow
def test_a_key_that_is_not_unique_is_told_with_its_duplicates(web, address, earlier, table):
    copied(earlier, COLUMNS, [[1, "a", 1], [1, "b", 2]])
    copied(table, COLUMNS, [[1, "a", 1], [2, "a", 5]])
    web.get(f"{address}&on=id")
    done()
    assert "This key is not unique. 1 row before and 0 now" in words(web.get(f"{address}&on=id"))


def test_drift_and_other_columns_are_listed(web, address, earlier, table):
    copied(earlier, [*COLUMNS, "old"], [[n, "x", n, 1] for n in range(50)])
    copied(table, [*COLUMNS, "new"], [[n, None if n < 7 else "x", str(n), 1] for n in range(50)])
    web.get(address)
    done()
    page = words(web.get(address))
    assert "Columns added new" in page
    assert "Columns removed old" in page
    assert "Kind of price int → text" in page
    assert "name empty 0% 14%" in page


def test_a_missing_copy_is_offered_with_its_cost(web, address, table):
    copied(table, COLUMNS, NOW)
    page = web.get(address)
    assert page.status_code == 409
    assert "Comparing takes a whole-table copy of both tables" in words(page)
    assert "Copy the whole table" in words(page)
    assert not Comparison.objects.exists()


def test_the_previous_version_is_compared(web, table, account):
    copied(table, COLUMNS, BEFORE, version=timezone.now() - timedelta(days=9))
    copied(table, COLUMNS, NOW)
    path = f"/sources/{table.datasource_id}/compare/?with=previous"
    assert web.get(path).status_code == 202
    done()
    assert "~ 1 changed" in words(web.get(path))


def test_a_version_that_is_not_kept_is_told(web, table):
    copied(table, COLUMNS, NOW)
    page = web.get(f"/sources/{table.datasource_id}/compare/?with=previous")
    assert page.status_code == 409
    assert "No earlier version of this table is kept" in words(page)


def test_earlier_files_of_the_same_pattern_are_offered_first(web, table, earlier):
    page = web.get(f"/sources/{table.datasource_id}/compare/")
    assert "Earlier files with a similar name" in words(page)
    assert str(earlier.datasource_id) in page.content.decode()
    page = web.get(f"/sources/{table.datasource_id}/compare/?name={earlier.file_name[:12]}")
    assert all_words(page, ".//ul[@aria-label='Files found']/li/a") == [earlier.file_name]
    assert "No other file has this in its name." in words(web.get(f"/sources/{table.datasource_id}/compare/?name=zzz"))


def test_a_file_is_not_compared_with_itself(web, table):
    copied(table, COLUMNS, NOW)
    page = web.get(f"/sources/{table.datasource_id}/compare/?with={table.datasource_id}")
    assert page.status_code == 422
    assert "A table has no differences from itself." in words(page)


@pytest.mark.parametrize("other", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_file_that_is_not_there_is_not_found(web, table, other):
    assert web.get(f"/sources/{table.datasource_id}/compare/?with={other}").status_code == 404


def test_a_file_of_another_user_is_not_there(web, table, bob, the_sandbox):
    account = the_sandbox.account()
    account.add(fileName="other.csv", status="completed")
    [foreign] = synced(keys.add(bob, "Bob's", account.key, ApiKey.State.VALID))
    copied(table, COLUMNS, NOW)
    copied(foreign, COLUMNS, BEFORE)
    assert web.get(f"/sources/{table.datasource_id}/compare/?with={foreign.datasource_id}").status_code == 404
    assert web.get(f"/sources/{foreign.datasource_id}/compare/?with={table.datasource_id}").status_code == 404


def test_a_comparison_is_stopped_and_started_again(web, address, both):
    web.get(address)
    Comparison.objects.update(leased_until=None)
    [(pk, lease)] = leases.claim_due(Comparison)
    assert web.post(address, {"action": "stop"}).status_code == 302
    with pytest.raises(leases.LeaseLost):
        work.run(pk, lease)
    page = web.get(address)
    assert "The comparison was stopped" in words(page)
    assert web.post(address, {"action": "start"}).status_code == 302
    done()
    assert "3 different" in words(web.get(address))


def test_a_stop_interrupts_the_query(both, alice, monkeypatch):
    comparison = jobs.ask(*both, ["id"], alice)
    monkeypatch.setattr(work, "LOOKED_EVERY_S", 0.01)
    endless = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"

    def write(self, note):
        jobs.stop(comparison)
        self._run(endless)

    monkeypatch.setattr(match.Match, "write", write)
    with pytest.raises(leases.LeaseLost):
        work.run(*leases.claim_due(Comparison)[0])
    comparison.refresh_from_db()
    assert comparison.state == Comparison.State.STOPPED


def test_a_comparison_that_takes_too_long_ends_with_advice(web, address, both, monkeypatch):
    web.get(address)
    monkeypatch.setattr(work, "LOOKED_EVERY_S", 0.01)
    monkeypatch.setattr(work, "SECONDS", 0.05)
    endless = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"
    monkeypatch.setattr(match.Match, "write", lambda self, note: self._run(endless))
    done()
    page = web.get(address)
    assert "Not compared" in words(page)
    assert "Choose a key that is unique." in words(page)


def test_a_worker_that_dies_is_replaced(web, address, both, still):
    web.get(address)  # hands it to a worker, of whom nothing is heard again
    assert not leases.claim_due(Comparison)
    still.shift(leases.LEASE + timedelta(seconds=1))
    for pk, lease in leases.claim_due(Comparison):
        work.run(pk, lease)
    assert Comparison.objects.get().is_ready


def test_the_result_serves_for_an_hour(web, address, both, still):
    web.get(address)
    first = done()
    web.get(address)
    assert Comparison.objects.count() == 1
    still.shift(timedelta(hours=1, seconds=1))
    web.force_login(first.asked_by)
    assert web.get(address).status_code == 202
    jobs.tidy()
    assert not Comparison.objects.filter(pk=first.pk).exists()
    assert Comparison.objects.count() == 1


def test_two_users_who_ask_start_one(both, alice, bob):
    assert jobs.ask(*both, ["id"], alice) == jobs.ask(*both, ["id"], bob)
    assert jobs.ask(*both, [], bob) != jobs.ask(*both, ["id"], bob)


def test_a_result_that_is_lost_is_made_again(web, address, both):
    web.get(address)
    store.remove_files(done().pk, Comparison.objects.get().file_name)
    assert web.get(address).status_code == 302
    assert "Not compared" in words(web.get(address))


def test_a_comparison_that_cannot_be_opened_now_says_so(web, address, both):
    web.get(address)
    done()
    upkeep.empty()
    Comparison.objects.update(open_bytes=2**50)  # more than there is room for
    for query in ("", "&format=csv"):
        page = web.get(address + query)
        assert page.status_code == 503
        assert "Not ready yet" in words(page)
    assert done().is_ready


def test_a_copy_that_is_deleted_meanwhile_is_no_error(web, address, both, alice, monkeypatch):
    monkeypatch.setattr(jobs, "find", lambda *_: both[1].delete() and None)
    assert web.get(address).status_code == 302
    monkeypatch.undo()
    assert web.get(address).status_code == 409
    with pytest.raises(CopyLost):
        jobs.ask(*both, [], alice)


def test_a_look_at_a_file_writes_no_receipt(web, address, both):
    web.get(address)
    done()
    answer = web.head(f"{address}&format=csv")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert not Export.objects.exists()


def test_a_comparison_goes_with_its_copies(web, address, both, django_capture_on_commit_callbacks):
    web.get(address)
    comparison = done()
    assert store.fetch(comparison).exists()
    with django_capture_on_commit_callbacks(execute=True):
        both[0].delete()
    assert not Comparison.objects.exists()
    assert not list(store.folder().glob(f"{comparison.pk}.*"))
    assert not store._storage().exists(comparison.file_name)


def test_cells_and_names_are_only_text(web, address, earlier, table):
    hostile = '<script>alert("1")</script>'
    copied(earlier, ["id", hostile], [[1, hostile], [2, "https://a.example/"]])
    copied(table, ["id", hostile], [[1, "x"], [2, "javascript:alert(1)"]])
    web.get(address)
    done()
    page = web.get(address).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert 'href="javascript' not in page


def test_differences_are_exported_with_a_receipt(web, address, both):
    web.get(address)
    done()
    response = web.get(f"{address}&change=changed&format=csv")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines == [
        "Change,Row before,Row now,id,name (before),name (now),price (before),price (now)",
        "changed,2,2,2,b,b,2.0,2.5",
    ]
    export = Export.objects.get()
    assert (export.state, export.rows_written) == (Export.State.FINISHED, 1)
    Export.objects.update(state=Export.State.BROKEN)
    again = f"{address}&change=changed&format=csv".replace("&", "&amp;")
    assert f'href="{again}"' in web.get(f"/exports/{export.pk}/").content.decode()
    assert web.get(f"{address}&format=nonsense").status_code == 400


def test_an_export_needs_the_permission_of_both_owners(web, address, both, table):
    web.get(address)
    done()
    table.key.allows_export = False
    table.key.save()
    assert web.get(f"{address}&format=csv").status_code == 403
    assert "file-download" not in web.get(address).content.decode()


def test_a_file_of_differences_ends_with_the_access_to_the_earlier_table(
    web, address, both, earlier, bob, the_sandbox, monkeypatch
):
    monkeypatch.setattr(streaming, "CHECKED_EVERY_S", 0.0)
    monkeypatch.setattr(streaming, "SLICE", 20)
    web.get(address)
    done()
    pieces = iter(web.get(f"{address}&format=csv").streaming_content)
    next(pieces)
    Source.objects.filter(pk=earlier.pk).update(
        key=keys.add(bob, "Bob's", the_sandbox.account().key, ApiKey.State.VALID)
    )
    with pytest.raises(Cut):
        list(pieces)
    assert Export.objects.get().reason == "You no longer have access to this file."


def test_a_look_without_a_body_starts_nothing(web, address, both):
    web.head(address)
    assert not Comparison.objects.exists()


@pytest.mark.slow
def test_every_column_with_changed_cells_is_offered(web, address, earlier, table):
    names = ["id", *(f"c{number}" for number in range(45))]
    for side, add in ((earlier, 0), (table, 7)):
        copied(side, names, [[key, *(key % 2 + add for _ in range(45))] for key in range(5)])
    web.get(address)
    done()
    page = web.get(address)
    [columns] = dom(page).findall(".//div[@class='compare-columns-changed names']")
    assert {words(one).split()[0] for one in columns.iter("a")} == set(names[1:])
    further = columns.find("details")
    assert words(further.find("summary")) == "15 more"
    assert further.get("open") is None
    page = web.get(f"{address}&change=changed&cell={words(further.find('a')).split()[0]}")
    assert page.status_code == 200
    assert dom(page).find(".//div[@class='compare-columns-changed names']/details").get("open") is not None


def test_a_column_without_a_name_is_called_so_and_filters_nothing(web, address, earlier, table):
    for side, add in ((earlier, 0), (table, 7)):
        copied(side, ["id", "", " ", "price"], [[key, f"x{key == 2 and add}", key, key + add] for key in range(5)])
    web.get(f"{address}&on=id")
    done()
    page = dom(web.get(f"{address}&on=id"))
    assert len(page.findall(".//table[@id='differences']/tbody/tr")) == 5
    [columns] = page.findall(".//div[@class='compare-columns-changed names']")
    assert [words(one) for one in columns.findall("*[@class='chip']")] == ["price 5", "no name 1"]
    assert [words(one) for one in columns.findall("a")] == ["price 5"]
    assert [words(one) for one in page.findall(".//div[@class='compare-columns']/label")] == ["id", "no name", "price"]
    assert columns.findall("*[@class='chip is-on']") == []
    assert len(web.get(f"{address}&on=id&format=csv").getvalue().splitlines()) == 6
