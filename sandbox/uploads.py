"""The file of an upload: multipart/form-data, field `file`."""

import tempfile

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.handlers.wsgi import LimitedStream
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from sandbox.answers import ApiFault, Request, invalid

FILE_BYTES_MAX = 100 * 2**20
_AROUND_BYTES = 2**20  # what the other parts of the form may take


def received(request: Request) -> UploadedFile:
    """The file, named without folders and unprintable signs. Raises ApiFault."""
    if request.length > FILE_BYTES_MAX + _AROUND_BYTES:
        raise ApiFault(413, "INVALID_PARAMETERS", "A file may have up to 100 MB.")
    meta = {"CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(request.length)}
    on_disk = _OnDisk()
    try:
        _fields, files = MultiPartParser(meta, _Whole(request.body, request.length), [on_disk], "utf-8").parse()
    except (MultiPartParserError, SuspiciousOperation, ValueError):
        on_disk.close()
        raise invalid("The upload must be multipart/form-data with the field file.") from None
    except BaseException:
        on_disk.close()
        raise
    request.length = 0
    file = files.get("file")
    for unused in [other for _, several in files.lists() for other in several if other is not file]:
        unused.close()
    if file is None:
        raise invalid("The field file is missing.")
    return file


class _Whole(LimitedStream):
    """The body. Django would take a form that breaks off for a complete one: raises ConnectionError instead."""

    def read(self, size: int = -1, /) -> bytes:
        data = super().read(size)
        if not data and size and self._pos < self.limit:
            raise ConnectionError("The client broke off.")
        return data


class _OnDisk(FileUploadHandler):
    """Into a file without a name; Django's own takes the suffix from the uploader, who may choose an impossible one."""

    file = None

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the upload

    def close(self) -> None:
        if self.file:
            self.file.close()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size)
