import pytest

from tests.sandbox.calls import Calls


@pytest.fixture
def calls(account) -> Calls:
    return Calls(account.sandbox.base_url, account.key)


@pytest.fixture
def calls_of(sandbox):
    """Calls with a key of one's choice."""
    return lambda key: Calls(sandbox.base_url, key)
