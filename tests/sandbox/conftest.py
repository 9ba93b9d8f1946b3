import pytest

from tests.sandbox.calls import Calls


@pytest.fixture
def calls(account) -> Calls:
    return Calls(account.sandbox.base_url, account.key)


@pytest.fixture
def calls_of(sandbox):
    """Calls with a key of one's choice."""
    return lambda key: Calls(sandbox.base_url, key)


@pytest.fixture
def parsed(account, calls):
    """Columns (name, type) and rows of a file."""

    def parsed(name: str, content: bytes | str):
        answer = calls.rows(account.upload(name, content), limit=1000)
        return [(column["name"], column["type"]) for column in answer["columns"]], answer["rows"]

    return parsed


@pytest.fixture
def error(account, calls):
    """What a file's failure says."""

    def error(name: str, content: bytes | str) -> str:
        source = calls.details(account.upload(name, content))
        assert source["status"] == "failed"
        assert source["processedAt"] is not None
        return source["error"]

    return error
