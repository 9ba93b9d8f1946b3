"""Files that arrive: what is on the disk meanwhile, and what stays of them."""

import os

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.test import RequestFactory

from datasources.models import Upload
from datasources.uploads import checks, receiving, stored
from datasources.uploads.receiving import EncryptingHandler, Received
from tests.support.uploads import ROWS, received


def request_with(**files):
    request = RequestFactory().post("/", files)
    request.upload_handlers = [EncryptingHandler(request)]
    return request


def file(name: str, content: bytes):
    return SimpleUploadedFile(name, content)


def test_files_of_a_form_arrive_encrypted_and_sampled():
    request = request_with(file=[file("a.csv", ROWS), file("b.csv", ROWS * 3)], other=file("c.csv", b"x"))
    found = request.FILES.getlist("file")
    assert [(type(one), one.name, one.size) for one in found] == [
        (Received, "a.csv", len(ROWS)),
        (Received, "b.csv", len(ROWS) * 3),
    ]
    assert request.FILES.get("other") is None
    assert found[0].sample == checks.sample_of(ROWS)
    assert found[0].upload_id != found[1].upload_id
    sealed = found[0].file
    sealed.seek(0)
    assert b"thing" not in sealed.read()
    request.close()
    assert sealed.closed


@pytest.mark.parametrize("size", [1, 2**20, 5 * 2**20 + 7])
def test_a_file_that_is_stored_is_read_again_byte_for_byte(db, alice, key, size):
    content = os.urandom(size)
    arrived = received(content, "a.txt")
    upload = Upload(id=arrived.upload_id, user=alice, key=key, name="a.txt", size_bytes=size)
    with arrived:
        stored.keep(upload, arrived.file, arrived.data_key)
    upload.save()
    assert b"".join(stored.pieces(Upload.objects.get())) == content
    with storages["copies"].open(upload.file_name) as sealed:
        assert content[:1000] not in sealed.read() or size < 100


def test_nothing_is_left_in_the_folder_of_files_that_arrive():
    arrived = received(b"x" * 3_000_000)
    assert os.listdir(receiving.folder()) == []
    assert receiving.folder().stat().st_mode & 0o777 == 0o700
    arrived.close()


def test_a_form_that_breaks_off_closes_its_file():
    handler = EncryptingHandler()
    handler.new_file("file", "a.csv", "text/csv", None)
    handler.receive_data_chunk(b"x", 0)
    sealed = handler._sealed
    handler.upload_interrupted()
    assert sealed.closed


def test_of_a_file_that_is_too_large_only_the_size_is_kept(monkeypatch):
    monkeypatch.setattr(receiving, "FILE_BYTES_MAX", 2_000_000)
    arrived = received(b"x" * 9_000_000)
    assert arrived.size == 9_000_000
    assert arrived.file.tell() < 2_100_000
    arrived.close()


def test_django_s_own_handlers_are_not_used():
    request = request_with(file=file("a.csv", ROWS))
    assert not any(isinstance(one, MemoryFileUploadHandler) for one in request.upload_handlers)


def test_a_stored_file_without_a_row_is_removed_after_an_hour(db, alice, key, monkeypatch):
    lost, kept = (Upload(user=alice, key=key, name="a.csv", size_bytes=1) for _ in range(2))
    for upload in (lost, kept):
        arrived = received()
        upload.id = arrived.upload_id
        stored.keep(upload, arrived.file, arrived.data_key)
        arrived.close()
    kept.save()
    stored.tidy()
    assert storages["copies"].exists(lost.file_name)
    monkeypatch.setattr(stored, "WRITTEN_WITHIN", -stored.WRITTEN_WITHIN)
    stored.tidy()
    assert not storages["copies"].exists(lost.file_name)
    assert storages["copies"].exists(kept.file_name)


def test_a_file_of_another_row_or_a_changed_one_does_not_open(db, alice, key):
    one, other = received(), received()
    uploads = []
    for arrived in (one, other):
        upload = Upload(id=arrived.upload_id, user=alice, key=key, name="a.csv", size_bytes=1)
        with arrived:
            stored.keep(upload, arrived.file, arrived.data_key)
        uploads.append(upload)
    uploads[0].file_name = uploads[1].file_name
    with pytest.raises(stored.FileLost):
        list(stored.pieces(uploads[0]))
    uploads[0].file_name = "uploads/none"
    with pytest.raises(stored.FileLost):
        list(stored.pieces(uploads[0]))
