"""Where a request came from, as far as the proxies in front can be believed. Pure.

Each proxy adds the address of whom it heard from to ``X-Forwarded-For``. As many entries as there are proxies are
theirs; what stands before these, anybody can have written.
"""

from ipaddress import IPv6Address, ip_address
from typing import Final

__all__ = ["client_of", "network"]

_LONGEST: Final = 64


def client_of(peer: str, forwarded: str, proxies: int) -> str:
    """Return the address of a client.

    Args:
        peer: who opened the connection; empty when the server does not know.
        forwarded: ``X-Forwarded-For`` as it came, several joined by commas.
        proxies: how many there are in front.
    """
    said = forwarded.split(",") if 0 < proxies <= forwarded.count(",") + 1 else []
    try:
        return str(ip_address(_without_port(said[-proxies].strip()))) if said else peer
    except ValueError:
        return peer


def _without_port(entry: str) -> str:
    """Some proxies write the port too: ``203.0.113.7:1234``, ``[2001:db8::7]:1234``."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def network(address: str) -> str:
    """Return what one person has of an address: all of an IPv4 address, the network (64 bits) of an IPv6 address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:_LONGEST]
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)
