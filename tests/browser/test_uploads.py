"""Uploading in a browser: chosen and dropped files, progress, refusals, a connection that breaks, leaving the page."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from datasources import keys
from datasources.models import ApiKey, Upload
from datasources.uploads import stored
from tests.conftest import synced
from tests.support.browser import intercept
from tests.support.processes import wait_for
from tests.support.uploads import ROWS

pytestmark = pytest.mark.browser
DROP = """([names, text]) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([text], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def lines(page: Page):
    return page.locator("[data-uploads] [data-lines] > li")


def test_chosen_files_are_sent_and_those_that_break_a_rule_stay_out(page, key, tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(ROWS)
    bad.write_bytes(b"id\n1\n")
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([good, bad])
    expect(lines(page).filter(has_text="good.csv")).to_contain_text("Stored. The dashboard sends it to Claro.")
    expect(lines(page).filter(has_text="bad.csv")).to_contain_text("Not uploaded. The file has 1 row below the header.")
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^(good|bad)\.csv: "))
    assert b"".join(stored.pieces(Upload.objects.get())) == ROWS
    page.get_by_role("link", name="Open the queue").click()
    expect(page.locator("#uploads")).to_contain_text("good.csv")


@pytest.mark.parametrize("size", ["small", "large"])
def test_warnings_and_first_rows_of_a_file_are_shown_when_it_arrived(page, key, tmp_path, size):
    rows = 12 if size == "small" else 60_000
    (tmp_path / "doubtful.csv").write_bytes(b"id,id,day\n" + b"1,2,27.11.2026\n" * rows)
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([tmp_path / "doubtful.csv"])
    line = lines(page).filter(has_text="Stored. The dashboard sends it to Claro.")
    expect(line).to_contain_text("Column names are repeated: “id”.")
    expect(page.locator("#announcer")).to_contain_text("Column names are repeated: “id”.")
    line.locator("summary").click()
    expect(line.get_by_role("cell", name="27.11.2026").first).to_be_visible()


def test_a_file_over_the_limit_of_the_queue_is_sent_by_retry(page, alice, key, tmp_path):
    waiting = [Upload(user=alice, key=key, name="a.csv", size_bytes=1) for _ in range(settings.QUOTAS["uploads"])]
    Upload.objects.bulk_create(waiting)
    (tmp_path / "one.csv").write_bytes(ROWS)
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([tmp_path / "one.csv"])
    expect(lines(page)).to_contain_text("Not uploaded. Limit reached")
    Upload.objects.all().delete()
    lines(page).get_by_role("button", name="Retry").click()
    expect(lines(page)).to_contain_text("Stored")
    assert Upload.objects.get().name == "one.csv"


def test_where_nothing_is_left_to_upload_the_button_keeps_the_answers(page, key, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"id\n1\n")
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([tmp_path / "bad.csv"])
    expect(lines(page)).to_contain_text("Not uploaded.")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#announcer")).to_have_text("No file is left to upload. Choose more files.")
    expect(lines(page)).to_contain_text("Not uploaded.")
    expect(page).to_have_url(re.compile("/sources/upload/$"))


def test_files_dropped_on_a_list_are_sent(page, key):
    page.goto("/sources/")
    page.evaluate(DROP, [[f"{number}.csv" for number in range(3)], ROWS.decode()])
    expect(lines(page)).to_have_count(3)
    expect(lines(page).filter(has_text="Stored")).to_have_count(3)
    assert Upload.objects.count() == 3


def test_a_large_file_that_breaks_a_rule_is_not_sent_at_all(page, key, tmp_path):
    (tmp_path / "table.xlsx").write_bytes(b"PK\x03\x04 xl/workbook" + bytes(2_000_000))
    (tmp_path / "table.csv").write_bytes(b"id,id\n" + b"1,2\n" * 200_000)
    sent = []
    page.on("request", lambda request: sent.append(request.url.rpartition("/sources/")[2]))
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([tmp_path / "table.xlsx", tmp_path / "table.csv"])
    expect(lines(page).filter(has_text="xlsx")).to_contain_text("Not uploaded. This is a spreadsheet.")
    expect(lines(page).filter(has_text="table.csv")).to_contain_text("Stored")
    assert [url for url in sent if url.startswith("upload/")] == [
        "upload/",
        "upload/check/",
        "upload/check/",
        "upload/",
    ]
    assert Upload.objects.get().name == "table.csv"


# A browser gives the entries of a folder in several parts, and fails at what it can't read.
DROP_FOLDER = """(text) => {
  const file = (name) => ({ isFile: true, name, file: (done) => done(new File([text], name)) });
  const gone = { isFile: true, name: "gone.csv", file: (done, failed) => failed(new DOMException()) };
  const folder = (name, ...parts) => ({
    name, createReader: () => ({ readEntries: (done) => done(parts.shift() ?? []) }) });
  const closed = {
    name: "closed", createReader: () => ({ readEntries: (done, failed) => failed(new DOMException()) }) };
  const whole = folder("shop", [file("1.csv"), gone], [closed, folder("old", [file("2.csv")])]);
  const drop = new Event("drop", { bubbles: true, cancelable: true });
  drop.dataTransfer = { types: ["Files"], items: [{ webkitGetAsEntry: () => whole }], files: [] };
  document.body.dispatchEvent(drop);
}"""


def drop(page: Page, *paths: Path) -> None:
    """Files and folders of the disk, dragged onto the page by the browser itself."""
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 300, "data": data})


def test_whole_folders_are_sent_by_the_button_and_by_a_drop(page, key, tmp_path):
    for name in ("autumn/a.csv", "autumn/inner/b.csv", "winter/c.csv", "winter/inner/d.csv", "winter/.hidden", "e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(ROWS)
    page.goto("/sources/upload/")
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "autumn")
    expect(lines(page).filter(has_text="Stored")).to_have_count(2)
    page.goto("/sources/")
    drop(page, tmp_path / "winter", tmp_path / "e.csv")
    expect(lines(page)).to_have_count(3)
    expect(lines(page).filter(has_text="Stored")).to_have_count(3)
    assert {upload.name for upload in Upload.objects.all()} == {f"{letter}.csv" for letter in "abcde"}


def test_what_a_browser_cant_read_costs_no_other_file(page, key):
    page.goto("/sources/")
    page.evaluate(DROP_FOLDER, ROWS.decode())
    expect(lines(page)).to_have_count(4)
    expect(lines(page).filter(has_text="Stored")).to_have_count(2)
    for name in ("gone.csv", "closed"):
        expect(lines(page).filter(has_text=name)).to_contain_text("Not uploaded. Your browser can't read it.")
    assert {upload.name for upload in Upload.objects.all()} == {"1.csv", "2.csv"}


def test_an_empty_folder_is_answered(page, key, tmp_path):
    (tmp_path / "empty").mkdir()
    page.goto("/sources/")
    drop(page, tmp_path / "empty")
    expect(lines(page)).to_contain_text("Not uploaded. There is no file in this folder.")


@pytest.mark.slow
def test_a_hundred_files_dropped_at_once_all_arrive(page, key):
    page.goto("/uploads/")
    page.evaluate(DROP, [[f"{number}.csv" for number in range(100)], ROWS.decode()])
    expect(lines(page)).to_have_count(100)
    expect(lines(page).filter(has_text="Stored")).to_have_count(100)
    assert Upload.objects.count() == 100
    expect(page.locator("#uploads li")).to_have_count(50)  # a page of the queue, which follows


def test_where_there_are_several_keys_nothing_is_sent_before_one_is_chosen(page, alice, account, key):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    page.goto("/sources/upload/")
    page.get_by_label("Files", exact=True).set_input_files([{"name": "a.csv", "mimeType": "text/csv", "buffer": ROWS}])
    expect(lines(page)).to_contain_text("Waits for you: choose the key, then press Upload.")
    page.get_by_label("Key", exact=True).select_option("Other")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(lines(page)).to_contain_text("Stored")
    assert Upload.objects.get().key == other


def test_files_dropped_on_a_list_wait_for_the_choice_of_a_key(page, alice, account, key):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    page.goto("/sources/")
    page.evaluate(DROP, [["a.csv"], ROWS.decode()])
    expect(lines(page)).to_contain_text("Waits for you: choose the key, then press Upload.")
    page.locator("[data-uploads]").get_by_label("Key").select_option("Other")
    page.locator("[data-uploads]").get_by_role("button", name="Upload", exact=True).click()
    expect(lines(page)).to_contain_text("Stored")
    assert Upload.objects.get().key == other


@pytest.mark.slow
def test_files_go_to_the_key_that_was_chosen_when_they_were_started(page, alice, account, key, witness):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    held: list[Route] = []
    page.route("**/sources/upload/", lambda route: held.append(route))
    page.goto("/sources/")
    page.evaluate(DROP, [[f"{number}.csv" for number in range(5)], ROWS.decode()])
    box = page.locator("[data-uploads]")
    box.get_by_label("Key").select_option("Other")
    box.get_by_role("button", name="Upload", exact=True).click()
    box.get_by_label("Key").select_option("Main")
    page.evaluate(DROP, [["later.csv"], ROWS.decode()])
    wait_for(lambda: page.evaluate("true") and len(held) == 3)
    held[0].abort()
    for route in held[1:]:
        route.continue_()
    wait_for(lambda: page.evaluate("true") and len(held) == 5)
    for route in held[3:]:
        route.continue_()
    expect(lines(page).filter(has_text="Stored")).to_have_count(4)
    witness.expects("ERR_FAILED")
    page.get_by_role("button", name="Retry: 0.csv").click()
    wait_for(lambda: page.evaluate("true") and len(held) == 6)
    held[5].continue_()
    expect(lines(page).filter(has_text="Stored")).to_have_count(5)
    assert {upload.key for upload in Upload.objects.all()} == {other}
    expect(lines(page).filter(has_text="later.csv")).to_contain_text("Waits for you")
    box.get_by_role("button", name="Upload", exact=True).click()
    wait_for(lambda: page.evaluate("true") and len(held) == 7)
    held[6].continue_()
    expect(lines(page).filter(has_text="Stored")).to_have_count(6)
    assert Upload.objects.get(name="later.csv").key == key


def test_a_file_that_is_checked_is_not_lost_by_the_button_or_by_leaving(page, witness, key, tmp_path):
    witness.expects("dialog")
    held: list[Route] = []
    page.route("**/upload/check/", lambda route: held.append(route))
    page.goto("/sources/upload/")
    (tmp_path / "large.csv").write_bytes(ROWS + b"1,2\n" * 100_000)
    page.get_by_label("Files", exact=True).set_input_files(tmp_path / "large.csv")
    wait_for(lambda: page.evaluate("true") and held)
    page.get_by_role("button", name="Upload", exact=True).click()
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Shared", exact=True).click(no_wait_after=True)
    held[0].continue_()
    expect(lines(page)).to_contain_text("Stored")
    assert Upload.objects.count() == 1


ARRIVED = """() => {
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    send.apply(this, given);
    this.upload.dispatchEvent(new ProgressEvent("load"));
  };
}"""


def test_a_file_that_has_arrived_is_not_cancelled_without_a_word(page, key):
    """A request that is held back here has not been sent for the browser: the event is that of a slow server."""
    held: list[Route] = []
    page.route("**/sources/upload/", lambda route: held.append(route))
    page.goto("/sources/")
    page.evaluate(ARRIVED)
    page.evaluate(DROP, [["a.csv"], ROWS.decode()])
    wait_for(lambda: page.evaluate("true") and held)
    page.get_by_role("button", name="Cancel: a.csv").click()
    expect(lines(page)).to_contain_text("It has arrived. Cancel it in the queue once it is stored.")
    held[0].continue_()
    expect(lines(page)).to_contain_text("Stored")


def test_going_back_in_the_list_keeps_what_is_being_sent(page, account, key):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(60)])
    synced(key)
    held: list[Route] = []
    page.route("**/sources/upload/", lambda route: held.append(route))
    page.goto("/sources/")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("page=2"))
    page.evaluate(DROP, [["good.csv"], ROWS.decode()])
    page.evaluate(DROP, [["bad.csv"], "id\n1\n"])
    wait_for(lambda: page.evaluate("true") and len(held) == 2)
    page.go_back()
    expect(page).not_to_have_url(re.compile("page=2"))
    for route in held:
        route.continue_()
    expect(lines(page).filter(has_text="good.csv")).to_contain_text("Stored")
    expect(lines(page).filter(has_text="bad.csv")).to_contain_text("Not uploaded. The file has 1 row below the header.")


def test_a_connection_that_breaks_is_retried_by_hand(page, witness, key):
    witness.expects("ERR_CONNECTION_RESET")
    page.goto("/sources/upload/")
    intercept(page, "**/sources/upload/", lambda route: route.abort("connectionreset"))
    page.get_by_label("Files", exact=True).set_input_files([{"name": "a.csv", "mimeType": "text/csv", "buffer": ROWS}])
    expect(lines(page)).to_contain_text("Not uploaded. The connection broke.")
    page.unroute("**/sources/upload/")
    page.get_by_role("button", name="Retry").click()
    expect(lines(page)).to_contain_text("Stored")
    assert Upload.objects.get().size_bytes == len(ROWS)


@pytest.mark.slow
def test_a_file_that_is_being_sent_shows_its_pace_holds_the_page_and_is_cancelled(page, witness, key, tmp_path: Path):
    witness.expects("dialog: ")  # it is dismissed
    large = tmp_path / "large.txt"
    large.write_bytes(b"a line of text\n" * 600_000)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    page.goto("/sources/upload/")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.get_by_label("Files", exact=True).set_input_files(large)
    expect(lines(page)).to_contain_text(re.compile(r"of 9\.0 MB · .*/s · .* left"))
    with page.expect_event("dialog") as asked:
        page.get_by_role("link", name="Shared").click(no_wait_after=True)
    assert asked.value.type == "beforeunload"
    page.get_by_role("button", name="Cancel: large.txt").click()
    expect(lines(page)).to_have_count(0)
    assert not Upload.objects.exists()
