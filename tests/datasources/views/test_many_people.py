"""What many people look at costs as many calls as what one looks at."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from datasources import keys
from datasources.models import Sync
from tests.conftest import synced
from tests.datasources.views.conftest import asked
from tests.support.rows import wait_until_nobody_asks
from tests.support.threads import at_once

BLOCKS, ROWS, LIMIT = 10, 120, 3


@pytest.fixture
def people(key, alice) -> list[User]:
    """50 who work through Alice's key."""
    team = teams.create("Everybody", by=alice)
    people = [User.objects.create_user(f"{number}@example.com") for number in range(50)]
    Membership.objects.bulk_create(Membership(team=team, user=one, role=Role.VIEWER) for one in people)
    keys.share(key, [team])
    return people


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 50])
def test_pages_cost_a_call_a_block_for_one_and_for_fifty(client_of, people, account, path, settings, count):
    settings.CLARO_ROWS_BLOCK = ROWS // BLOCKS
    every_page = [*range(1, ROWS // LIMIT + 1)]
    mine = {
        number: every_page if count == 1 else (every_page[number % 40 :] + every_page)[:4] for number in range(count)
    }
    assert {page for some in mine.values() for page in some} == set(every_page)
    browsers = [client_of(person) for person in people[:count]]
    numbers = iter(range(count))

    def read() -> list[int]:
        return [
            browsers[number].get(f"{path}?limit={LIMIT}&page={page}").status_code
            for number in numbers
            for page in mine[number]
        ]

    # Ten at the same moment: each holds a connection to the database, of which a process has sixteen.
    answers = [status for statuses in at_once(min(count, 10), read) for status in statuses]
    assert answers == [200] * sum(map(len, mine.values()))
    wait_until_nobody_asks()
    assert sorted(int(query["page"]) for query in asked(account)) == list(range(1, BLOCKS + 1))
    assert 429 not in {call["status"] for call in account.calls()}


@pytest.mark.slow
def test_a_list_is_read_once_in_ten_minutes_however_many_look_at_it(client_of, people, key, account):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(250)])
    browsers, calls = [client_of(person) for person in people], []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for minute in range(21):
            for browser in browsers[minute % 10 :: 10]:
                assert browser.get("/sources/").status_code == 200
            if Sync.objects.get().is_under_way:
                synced(key)
            calls.append(len(account.calls(path="/datasources")))
            clock.shift(timedelta(minutes=1))
    assert calls == [3] * 10 + [6] * 10 + [9]
