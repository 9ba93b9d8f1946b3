"""Where a visitor comes from, as far as rate limits count it."""

import ipaddress
from functools import lru_cache

# What a provider gives one customer at least: within it a visitor changes the address at will.
IPV6_PREFIX = 64


def plain_address(address: str) -> str:
    """The IPv4 address of one that is mapped into IPv6, as a socket for both reports it; any other as it is."""
    found = _parsed(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped) if mapped else address


def network_of(address: str | None) -> str:
    """The network of one visitor: an IPv4 address, or the /64 of an IPv6 address. Empty for a missing address."""
    if address is None:
        return ""
    found = _parsed(plain_address(address))
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found), IPV6_PREFIX), strict=False))
    return str(found or address)


@lru_cache(maxsize=1024)  # a request asks several times
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
