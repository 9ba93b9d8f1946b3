"""A network that is cut in the middle of an upload."""

from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from datasources.models import Upload
from datasources.uploads import stored
from tests.browser.test_uploads import lines
from tests.claro_dashboard.test_uploads_over_http import stored_names
from tests.conftest import synced
from tests.support.cutting import Cutting
from tests.support.processes import wait_for

pytestmark = pytest.mark.browser


def arriving(pid: int) -> list[str]:
    """The files without a name that the process holds of what arrives."""
    targets = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            targets.append(str(entry.readlink()))
    return [target for target in targets if "/arriving/" in target]


@pytest.mark.slow
def test_a_cut_upload_stays_on_the_page_to_be_retried_and_leaves_nothing_at_the_server(
    page, witness, server, account, key, tmp_path
):
    witness.expects("request to another host", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    content = b"a line of text\n" * 400_000
    (tmp_path / "large.txt").write_bytes(content)
    corrected = account.add(fileName="large.txt", status="failed")
    synced(key)
    before = stored_names()
    with Cutting(server.port) as network:
        page.goto(f"http://localhost:{network.port}/sources/{corrected}/correct/")
        network.cut_after = 2_000_000
        page.get_by_label("Files", exact=True).set_input_files(tmp_path / "large.txt")
        expect(lines(page)).to_contain_text("Not uploaded. The connection broke.")
        assert network.cuts >= 1
        wait_for(lambda: not arriving(server._process.pid))
        assert stored_names() == before
        assert not Upload.objects.exists()
        network.cut_after = None
        lines(page).get_by_role("button", name="Retry").click()
        expect(lines(page)).to_contain_text("Stored")
        page.goto("about:blank")  # its stream of events goes through the same network
    upload = Upload.objects.get()
    assert upload.corrects.datasource_id == corrected
    assert b"".join(stored.pieces(upload)) == content
