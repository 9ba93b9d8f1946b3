import pytest

from core.networks import is_inside, is_public


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "192.0.1.1", "223.255.255.254", "2606:4700::1111", "2a00:1450::1"],
)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.8",
        "192.0.0.170", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:2::1", "2001:10::1",
        "2001:20::1", "2001:db8::1", "2002:a00:1::", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1",
        "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1111%eth0",
    ],
)  # fmt: skip
def test_no_other_address_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("localhost", True), ("api.localhost", True), ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True),
        ("192.168.0.5", True), ("fd00::1", True), ("8.8.8.8", False), ("api.example.com", False), ("", False),
        ("localhost.example.com", False),
    ],
)  # fmt: skip
def test_a_host_inside_is_known_by_its_name_or_number(host, inside):
    assert is_inside(host) is inside
