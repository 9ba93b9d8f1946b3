"""The product's own settings, with secrets, stores and addresses of the tests."""

import os
import tempfile
from pathlib import Path

from tests.support.processes import free_port

FOLDER = Path(tempfile.mkdtemp(prefix="claro-tests-"))
(FOLDER / "static").mkdir()
os.environ |= {"VAR_DIR": str(FOLDER), "SECRET_KEY": "tests", "LOG_LEVEL": "WARNING", "SIGNUP_OPEN": "1"}
os.environ["COPIES_OPEN_DIR"] = str(FOLDER / "open")
os.environ["CLARO_SECRET_KEYS"] = "dGVzdC1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzLWxvbmc="
# A server of their own for each worker of pytest: events know no database numbers. conftest.py starts it.
os.environ["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
os.environ.setdefault("CLARO_API_BASE_URL", "http://127.0.0.1:9/api/v2")

from claro_dashboard.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in life: threads and worker processes open it too.
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "test.sqlite3")}  # noqa: F405
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
