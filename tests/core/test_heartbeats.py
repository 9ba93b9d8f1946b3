from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py

from core import heartbeats
from tests.support.heartbeats import heard_before
from tests.support.redis import round_trips

# Who is alive depends on the second in which it was heard.
pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
def outage(redis_server):
    redis_server.stop()
    yield
    redis_server.start()


def names(part: str) -> list[str]:
    return [one.name for one in heartbeats.heard(part)[part]]


def test_who_says_that_it_lives_is_heard_under_each_of_its_parts():
    heartbeats.say(["interactive", "background"], "worker@machine-7")
    heartbeats.say([heartbeats.WEB])
    workers = heartbeats.heard("interactive", "background", heartbeats.WEB)
    assert {part: [one.name for one in found] for part, found in workers.items()} == {
        "interactive": ["worker@machine-7"],
        "background": ["worker@machine-7"],
        "web": [heartbeats.THIS_PROCESS],
    }
    [one] = workers["web"]
    assert one.is_alive
    assert one.ago <= timedelta(seconds=2)
    assert timedelta(0) < datetime.now(UTC) - one.since < timedelta(hours=2)


def test_nobody_is_heard_in_an_empty_redis():
    assert heartbeats.heard("interactive") == {"interactive": []}
    assert heartbeats.silent(*heartbeats.QUEUES) == {"interactive", "background"}


def test_a_worker_that_stops_saying_so_is_gone_soon_and_remembered_for_an_hour():
    heard_before(14, "interactive", "a@m")
    heard_before(16, "background", "b@m")
    heard_before(3700, "background", "c@m")
    assert heartbeats.silent(*heartbeats.QUEUES) == {"background"}
    heartbeats.say(["background"], "d@m")
    assert heartbeats.silent(*heartbeats.QUEUES) == set()
    assert names("background") == ["d@m", "b@m"]
    assert [one.is_alive for one in heartbeats.heard("background")["background"]] == [True, False]


def test_the_clocks_of_the_machines_don_t_matter(time_machine):
    time_machine.move_to("2031-01-01T00:00Z")
    heartbeats.say(["interactive", "background"], "a@m")
    time_machine.move_to("2021-01-01T00:00Z")
    assert heartbeats.silent(*heartbeats.QUEUES) == set()


def test_who_died_and_came_back_under_the_same_name_is_one():
    heard_before(60, "interactive", "a@m")
    heartbeats.say(["interactive"], "a@m")
    assert names("interactive") == ["a@m"]
    assert heartbeats.silent(*heartbeats.QUEUES) == {"background"}


def test_who_ends_on_purpose_is_not_missed():
    heartbeats.say(["interactive"], "a@m")
    heartbeats.say(["interactive"], "b@m")
    heartbeats.say_goodbye(["interactive"], "a@m")
    assert names("interactive") == ["b@m"]


def test_asking_takes_one_round_trip():
    heartbeats.silent(*heartbeats.QUEUES)  # whoever comes first connects
    with round_trips() as sent:
        heartbeats.silent(*heartbeats.QUEUES)
    assert len(sent) == 1


def test_without_redis_nothing_is_heard_and_everybody_goes_on(outage, caplog):
    heartbeats.say(["interactive"], "a@m")
    heartbeats.say_goodbye(["interactive"], "a@m")
    assert "a@m can't say that it lives" in caplog.text
    assert heartbeats.silent(*heartbeats.QUEUES) == {"interactive", "background"}
    with pytest.raises(redis_py.RedisError):
        heartbeats.heard("interactive")
