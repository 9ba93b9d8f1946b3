import pytest

from core.visitors import network_of, plain_address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("unix:", "unix:"),
        (None, ""),
    ],
)
def test_one_visitor_is_an_ipv4_address_or_an_ipv6_network_of_64_bits(address, network):
    assert network_of(address) == network


def test_only_an_address_mapped_into_ipv6_is_rewritten():
    assert plain_address("::ffff:203.0.113.7") == "203.0.113.7"
    assert [plain_address(one) for one in ("2001:db8::1", "203.0.113.7", "x")] == ["2001:db8::1", "203.0.113.7", "x"]
