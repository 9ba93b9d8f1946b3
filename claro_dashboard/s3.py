"""Copies of tables in an S3-compatible store (COPIES_S3_BUCKET)."""

from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage

# Read and written in parts of 8 MiB; a larger file that is read lies on the disk meanwhile, encrypted.
IN_MEMORY_BYTES = 8 * 2**20


class S3Copies(S3Storage):
    """Private objects, under names that are used once."""

    def get_default_settings(self) -> dict[str, Any]:
        return super().get_default_settings() | {
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "max_memory_size": IN_MEMORY_BYTES,
            "transfer_config": TransferConfig(use_threads=False),
        }

    def __init__(self, **options: Any):
        config = Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "max_attempts": 3},
            # Other stores than AWS have neither a host name for each bucket nor the newer checksums.
            s3={"addressing_style": "path" if options.get("endpoint_url") else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(client_config=config, **options)
