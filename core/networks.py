"""Addresses of the public internet."""

import ipaddress
from ipaddress import ip_network, summarize_address_range

# Allocated for global unicast (IANA's registries). What lies outside is refused without being listed: IPv4-compatible
# and -mapped addresses, SIIT and NAT64 (64:ff9b::/96, 64:ff9b:1::/48), fc00::/7, fe80::/10, fec0::/10, multicast.
_UNICAST = [
    *summarize_address_range(ipaddress.ip_address("1.0.0.0"), ipaddress.ip_address("223.255.255.255")),
    ip_network("2000::/3"),
]
# Within these, kept for special purposes (https://www.iana.org/assignments/iana-ipv4-special-registry/, and -ipv6-).
_SPECIAL = [
    ip_network(each)
    for each in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        # Protocol assignments (Teredo among them), documentation, 6to4.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip


def is_public(address: str) -> bool:
    """Whether this IP address lies in the public internet. Never for one with a scope (`fe80::1%eth0`)."""
    if "%" in address:
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in _UNICAST) and not any(ip in network for network in _SPECIAL)


def is_inside(host: str) -> bool:
    """Whether the host of a URL names this machine or a private network, by its name or number."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return ip.is_loopback or ip.is_private
