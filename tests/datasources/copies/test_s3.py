"""Copies in an S3-compatible store, over HTTP."""

import logging
import os
from collections.abc import Iterator

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from moto.server import ThreadedMotoServer

from datasources.copies import store, upkeep
from datasources.copies.store import CopyLost
from datasources.models import TableCopy
from datasources.uploads import queue, stored
from tests.support.copies import built, contents, copied
from tests.support.processes import free_port
from tests.support.uploads import received

COLUMNS, ROWS = ["id", "name"], [[number, f"thing {number}"] for number in range(1, 121)]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def bucket(endpoint, settings, monkeypatch):
    """The bucket, with an object of another user in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = {"bucket_name": "tables", "location": "ours", "endpoint_url": endpoint, "region_name": "eu-central-1"}
    s3 = {"BACKEND": "claro_dashboard.s3.S3Copies", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "copies": s3}
    resource = boto3.resource("s3", endpoint_url=endpoint, region_name="eu-central-1")
    bucket = resource.create_bucket(Bucket="tables", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    bucket.put_object(Key="ours/readme.txt", Body=b"of another user")
    yield bucket
    bucket.objects.delete()
    bucket.delete()
    resource.meta.client.close()


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, COLUMNS, ROWS)


def names(bucket) -> list[str]:
    return sorted(found.key for found in bucket.objects.all())


def test_a_copy_comes_back_from_s3(copy, bucket):
    assert names(bucket) == [f"ours/{copy.file_name}", "ours/readme.txt"]
    sealed = bucket.Object(f"ours/{copy.file_name}").get()["Body"].read()
    assert b"thing" not in sealed
    assert len(sealed) == copy.stored_bytes
    assert contents(store.fetch(copy))[1] == ROWS


@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 20 * 2**20 + 3])
def test_an_upload_waits_in_s3_and_leaves_it(alice, key, bucket, monkeypatch, size):
    content = os.urandom(size)
    upload = queue.add(alice, key, received(content.hex().encode()[:size], "a.txt"))
    assert names(bucket) == ["ours/readme.txt", f"ours/{upload.file_name}"]
    assert b"".join(stored.pieces(upload)) == content.hex().encode()[:size]
    orphan = f"ours/{stored.FOLDER}/orphan"
    bucket.put_object(Key=orphan, Body=b"x")
    monkeypatch.setattr(stored, "WRITTEN_WITHIN", -stored.WRITTEN_WITHIN)
    stored.tidy()
    upkeep.tidy()
    assert names(bucket) == ["ours/readme.txt", f"ours/{upload.file_name}"]
    assert queue.cancel(upload)
    assert names(bucket) == ["ours/readme.txt"]


def test_a_file_of_several_parts_comes_back(table, tmp_path):
    """S3 takes larger files in parts of 8 MiB."""
    copy = TableCopy.objects.create(source=table)
    plain = tmp_path / "large"
    plain.write_bytes(os.urandom(20 * 2**20 + 3))
    store.keep(copy, plain)
    TableCopy.objects.filter(pk=copy.pk).update(state=TableCopy.State.READY)
    assert store.fetch(copy).read_bytes() == plain.read_bytes()


def test_a_copy_is_purged_from_s3(copy, bucket):
    store.purge(TableCopy.objects.all())
    assert names(bucket) == ["ours/readme.txt"]


def test_a_copy_that_is_kept_again_replaces_its_object(copy, bucket, tmp_path):
    store.keep(copy, built(tmp_path, COLUMNS, ROWS[:3]))
    assert names(bucket) == [f"ours/{copy.file_name}", "ours/readme.txt"]
    assert contents(store.fetch(copy))[1] == ROWS[:3]


def test_a_missing_object_is_a_lost_copy(copy, bucket):
    bucket.Object(f"ours/{copy.file_name}").delete()
    with pytest.raises(CopyLost, match="copied again"):
        store.fetch(copy)
    assert TableCopy.objects.get().state == TableCopy.State.FAILED


def test_a_truncated_object_is_a_lost_copy(copy, bucket):
    found = bucket.Object(f"ours/{copy.file_name}")
    found.put(Body=found.get()["Body"].read()[:-20])
    with pytest.raises(CopyLost, match="copied again"):
        store.fetch(copy)


def test_a_store_that_does_not_answer_is_no_loss(copy, settings):
    s3 = settings.STORAGES["copies"]
    nobody = {**s3["OPTIONS"], "endpoint_url": f"http://127.0.0.1:{free_port()}"}
    settings.STORAGES = {**settings.STORAGES, "copies": {**s3, "OPTIONS": nobody}}
    with pytest.raises(CopyLost):
        store.fetch(copy)
    assert TableCopy.objects.get().state == TableCopy.State.READY


def test_objects_without_a_row_are_removed_and_those_of_others_stay(copy, bucket, monkeypatch):
    left = f"{copy.pk}.00000000"
    storages["copies"].save(left, ContentFile(b"cells"))
    upkeep.tidy()
    assert f"ours/{left}" in names(bucket)  # it may be one that is being written
    monkeypatch.setattr(upkeep, "WRITTEN_WITHIN", -upkeep.WRITTEN_WITHIN)
    upkeep.tidy()
    assert names(bucket) == [f"ours/{copy.file_name}", "ours/readme.txt"]
    assert TableCopy.objects.get().is_ready
