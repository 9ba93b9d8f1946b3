import pytest

from core import outgoing
from tests.support.tls import Certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    """One that outgoing exchanges trust, in this process of tests."""
    made = Certificate(tmp_path_factory.mktemp("certificate"))
    outgoing.tls_context().load_verify_locations(made.path)
    return made
