"""A web process killed with kill -9 while it writes an export."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from datasources import keys
from datasources.copies.exports import receipts
from datasources.models import ApiKey, Export, Source
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.web import Visitor, WebServer

pytestmark = pytest.mark.slow
# More than the buffers of a connection hold.
ROWS = [[number, "x" * 2000] for number in range(1, 15_001)]


def test_a_file_of_a_killed_process_is_incomplete_for_all_to_see(tmp_path, alice, account):
    account.upload("many.csv", "id,text\n1,x\n")
    [source] = synced(keys.add(alice, "Main", account.key, ApiKey.State.VALID))
    copied(Source.objects.get(pk=source.pk), ["id", "text"], ROWS)
    server = WebServer(tmp_path)
    try:
        path = f"/sources/{source.datasource_id}/rows/?format=csv"
        pieces = Visitor(server, alice).get(path, stream=True).iter_content(10_000)
        assert next(pieces).startswith(b"id,text")
        server.kill()
        with pytest.raises(requests.RequestException):
            list(pieces)
    finally:
        server.stop()
    assert Export.objects.get().state == "writing"
    assert receipts.mark_lost() == 0
    # Two minutes later.
    Export.objects.update(heard_at=timezone.now() - receipts.LOST_AFTER - timedelta(seconds=1))
    receipts.tidy()
    export = Export.objects.get()
    assert (export.state, export.reason) == ("broken", receipts.LOST)
    assert receipts.being_written(alice) == 0
