"""Which network addresses a connection may lead to, decided when it is opened.

The list of allowed hosts holds names only. Whoever controls the resolution of a name could point it at the router or at
this machine. So a name is resolved once, its addresses are checked, and a checked address is the one connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

MOST_TRIED = 4  # addresses of one name


class WrongPlaceError(Exception):
    """The name leads only to addresses that must not be written to."""


@lru_cache(maxsize=64)  # asked for every message; hosts are few
def is_loopback(host: str) -> bool:
    """Whether a host as written in an address is this machine: a number, or `localhost` itself."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


def may_lead_to(host: str, address: str, *, inside: bool) -> bool:
    """Whether `host` may be reached at `address` (a number, as resolved).

    Public addresses always; private ones only where the robot says so (`允许内网`); this machine only under its own
    names; link-local, multicast and reserved ones never.
    """
    place = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if is_loopback(host) or place.is_loopback:
        return is_loopback(host) and place.is_loopback
    if place.is_link_local or place.is_multicast or place.is_unspecified:
        return False
    return place.is_global or (inside and not place.is_reserved)


def _plain(place: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    return (place.ipv4_mapped or place.sixtofour or place) if isinstance(place, IPv6Address) else place


async def places(host: str, port: int, *, inside: bool) -> list[str]:
    """The first of the name's addresses that may be connected to, or none. Raises OSError."""
    found = await resolved(host, port)
    return [place for place in found if may_lead_to(host, place, inside=inside)][:MOST_TRIED]


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, once each, in the resolver's order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))
