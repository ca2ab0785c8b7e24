"""Whose address counts, and how much of it."""

from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._address import client_of, network

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "203.0.113.7", PEER),
        (1, "", PEER),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1,2001:DB8::7", "2001:db8::7"),
        (2, "203.0.113.7,\t10.0.0.1 ", "203.0.113.7"),
        (2, "203.0.113.7", PEER),
        (1, "203.0.113.7, unknown", PEER),
        (1, "203.0.113.7,", PEER),
        (1, "203.0.113.7:1234", "203.0.113.7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "198.51.100.1, [2001:db8::7]:1234", "2001:db8::7"),
        (1, "[2001:db8::7]:[80]", "2001:db8::7"),
        (1, "unknown:80", PEER),
        (1, "[", PEER),
        (1000, "203.0.113.7", PEER),
    ],
)
def test_only_what_the_proxies_added_counts(proxies: int, forwarded: str, found: str) -> None:
    """The entry of the outermost proxy is the client; what stands before it, and what is no address, is not."""
    assert client_of(PEER, forwarded, proxies) == found


@given(forged=st.text(max_size=60), added=st.lists(ADDRESSES, min_size=1, max_size=4))
def test_nothing_that_a_client_writes_moves_it(forged: str, added: list[str]) -> None:
    """Whatever a client sends, behind so many proxies it is known by what the outermost of them saw."""
    forwarded = ", ".join([forged, *added])
    assert client_of(PEER, forwarded, len(added)) == added[0]


@given(st.text(max_size=100), st.text(max_size=100), st.integers(0, 5))
def test_any_text_names_somebody(peer: str, forwarded: str, proxies: int) -> None:
    """Whatever stands there, the answer is the peer or an address, in few letters, and no error."""
    found = client_of(peer, forwarded, proxies)
    assert found in {peer, str(ip_address(found)) if found != peer else peer}
    assert len(network(found)) <= 64


@given(st.integers(1 << 113, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_an_ipv6_network_is_one_client(address: int, rest: int) -> None:
    """Whoever has a network of 64 bits has all of its addresses, and is one client with them."""
    other = address >> 64 << 64 | rest
    assert network(str(IPv6Address(address))) == network(str(IPv6Address(other)))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""),
        ("unix", "unix"),
        ("x" * 100, "x" * 64),
    ],
)
def test_networks(address: str, found: str) -> None:
    """An IPv4 address is itself however it is written; what is no address is taken as it is, to a length."""
    assert network(address) == found
