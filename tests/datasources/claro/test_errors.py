import pickle
from datetime import UTC, datetime

import pytest

from datasources.claro import (
    AccessDenied,
    ApiError,
    BadAnswer,
    ClaroError,
    DatasourceNotFound,
    InvalidParameters,
    ProcessingInProgress,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from datasources.claro.errors import error_class

AT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("UNAUTHORIZED", 403, Unauthorized),
        ("", 401, Unauthorized),
        ("ACCESS_DENIED", 200, AccessDenied),
        ("PROCESSING_IN_PROGRESS", 202, ProcessingInProgress),
        ("PROCESSING_IN_PROGRESS", 423, ProcessingInProgress),
        ("DATASOURCE_NOT_FOUND", 400, DatasourceNotFound),
        ("INVALID_PARAMETERS", 422, InvalidParameters),
        ("NEW_CODE", 404, DatasourceNotFound),
        ("NEW_CODE", 418, ApiError),
    ],
)
def test_the_code_decides_before_the_status(code, status, expected):
    assert error_class(code, status) is expected


@pytest.mark.parametrize(
    "error",
    [
        ClaroError("log", user_message="people"),
        Unauthorized("no", status=401),
        ApiError("odd", code="TEAPOT", status=418, details={"a": 1}),
        RateLimited("slow", retry_at=AT),
        Unreachable("gone"),
        BadAnswer("what"),
    ],
)
def test_an_error_survives_the_way_to_another_process(error):
    for back in (ClaroError.from_dict(error.to_dict()), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(back) is type(error)
        assert (str(back), back.user_message) == (str(error), error.user_message)
        assert getattr(back, "retry_at", None) == getattr(error, "retry_at", None)
        assert getattr(back, "code", "") == getattr(error, "code", "")


def test_an_error_of_another_version_is_still_an_error():
    assert type(ClaroError.from_dict({"kind": "Unheard", "message": "x"})) is ClaroError
