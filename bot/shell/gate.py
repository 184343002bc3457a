"""Which network addresses a connection may really lead to, decided when it is opened.

A name on the list of allowed hosts says nothing about where it leads: who controls its resolution could point it at the
router or at this machine. A name is resolved once, and the address that was looked at is the one connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import httpcore

from bot.shell.stream import opened

MOST_TRIED = 4  # addresses of one name


class WrongPlaceError(Exception):
    """The name leads only to addresses that must not be written to."""


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


class Gate(httpcore.AsyncNetworkBackend):
    """Opens connections only to addresses that a robot's host may lead to."""

    def __init__(self, *, inside: bool) -> None:
        self._inside = inside

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the name's addresses that answers. Raises WrongPlaceError, OSError, TimeoutError."""
        async with asyncio.timeout(timeout):
            found = await resolved(host, port)
            places = [place for place in found if may_lead_to(host, place, inside=self._inside)][:MOST_TRIED]
            if not places:
                raise WrongPlaceError
            share = timeout / len(places) if timeout else None
            for place in places[:-1]:
                with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                    return await opened(place, port, share)
            return await opened(places[-1], port, share)

    async def sleep(self, seconds: float) -> None:
        """As the library asks for it."""
        await asyncio.sleep(seconds)


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, once each, in the resolver's order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))
