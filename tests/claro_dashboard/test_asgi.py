import pytest

from core import heartbeats
from tests.support.processes import wait_for
from tests.support.web import WebServer


@pytest.mark.slow
def test_a_web_process_is_heard_while_it_runs_and_says_goodbye(db, tmp_path):
    server = WebServer(tmp_path)
    [process] = wait_for(lambda: heartbeats.heard(heartbeats.WEB)[heartbeats.WEB])
    assert process.is_alive
    assert process.name != heartbeats.THIS_PROCESS
    server.stop()
    assert heartbeats.heard(heartbeats.WEB)[heartbeats.WEB] == []
    assert server.log_path.read_text() == ""
