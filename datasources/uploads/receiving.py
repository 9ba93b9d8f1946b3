"""A file of a form as it arrives: checked, hashed and encrypted piece by piece. Plain text never reaches the disk."""

import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from datasources.copies import cipher
from datasources.uploads.checks import FILE_BYTES_MAX, Sample, Sampler

FIELD = "file"


class Received(UploadedFile):
    """A file that arrived in full: its sample, and its ciphertext in a file without a name.

    The ciphertext is bound to `upload_id`. A process that is killed leaves nothing behind. If the disk could not be
    written, `problem` is its error.
    """

    def __init__(self, sealed: Any, name: str, sample: Sample, upload_id: uuid.UUID, data_key: bytes):
        super().__init__(sealed, name, size=sample.size_bytes)
        self.sample, self.upload_id, self.data_key = sample, upload_id, data_key
        self.problem: OSError | None = None

    def close(self) -> None:
        """On a full disk the rest of the buffer can't be written, and the file is closed nevertheless."""
        with suppress(OSError):
            super().close()


class EncryptingHandler(FileUploadHandler):
    """Django's handler of the files of one request, each in turn. Other fields than `file` are not kept.

    It drops the content of a file that is too large and counts its size, so that the page can name the limit.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.close()
        self._id, self._key = uuid.uuid4(), cipher.new_key()
        self._sampler, self._encryptor = Sampler(), cipher.Encryptor(self._key, str(self._id))
        self._problem: OSError | None = None
        self._sealed = tempfile.TemporaryFile(dir=folder())  # noqa: SIM115 - closed with the request

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._sampler.feed(raw_data)
        if self._sampler.size_bytes <= FILE_BYTES_MAX:
            self._write(self._encryptor.feed(raw_data))

    def file_complete(self, file_size: int) -> Received | None:
        if self.field_name != FIELD:
            self.close()
            return None
        self._write(self._encryptor.end())
        sealed, self._sealed = self._sealed, None
        received = Received(sealed, self.file_name, self._sampler.sample(), self._id, self._key)
        received.problem = self._problem
        return received

    def _write(self, sealed: bytes) -> None:
        """The rest of the form is read also if the disk is full, so that the other files and the page can be."""
        if not self._problem:
            try:
                self._sealed.write(sealed)
                self._sealed.flush()
            except OSError as error:
                self._problem = error

    def upload_interrupted(self) -> None:
        self.close()

    def close(self) -> None:
        """Drops the file under way. Django does not call a handler when a form can't be decoded."""
        sealed, self._sealed = getattr(self, "_sealed", None), None
        if sealed:
            with suppress(OSError):
                sealed.close()


def folder() -> Path:
    """The folder of files that are arriving, made where it is missing. They have no names in it."""
    path = Path(settings.VAR_DIR) / "arriving"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
