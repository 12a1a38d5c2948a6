"""Calls addresses that people typed in: resolved once and pinned to it, never inside unless allowed, no redirects.

Without the pin a name could answer with a public address when it is checked, and with the database's when it is
called.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from core.errors import AppError, OutsideError

CONNECT_S = 5.0
ANSWER_S = 10.0
_NAT64 = ipaddress.ip_network(
    "64:ff9b::/96"
)  # RFC 6052: the last four bytes are the IPv4 address that is reached


def post(url: str, headers: Mapping[str, str], body: bytes, allow_private: bool) -> int:
    """The HTTP status of the answer.

    OutsideError `webhook.unreachable`; AppError `webhook.private_address`, `webhook.bad_url`.
    """
    try:
        return _post(url, headers, body, allow_private)
    except ValueError as error:  # no host, a port beyond all, letters that no name may have
        raise AppError("webhook.bad_url", f"{url}: {error}", {"url": "invalid"}, url=url) from error


def _post(url: str, headers: Mapping[str, str], body: bytes, allow_private: bool) -> int:
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    address = pick(host, _port(parts.port, tls), allow_private)
    connection: http.client.HTTPConnection = _PinnedTls(host, address) if tls else _Pinned(host, address)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = parts.netloc.rpartition("@")[2]
    try:
        connection.request("POST", target, body, {**headers, "Host": shown, "Connection": "close"})
        answer = connection.getresponse()
        answer.read(65_536)
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        raise OutsideError("webhook.unreachable", f"{shown}: {error}", address=shown, reason=error) from error
    finally:
        connection.close()


def pick(host: str, port: int, allow_private: bool) -> tuple[str, int]:
    """The first address of a name that may be called, as (IP, port)."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OutsideError("webhook.unreachable", f"{host}: {error}", address=host, reason=error) from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not allow_private and not all(public(address) for address in addresses):
        raise AppError("webhook.private_address", f"{host} is inside", {"url": "private"}, address=host)
    return addresses[0], port


def public(address: str) -> bool:
    """Whether an IP address is one of the open internet, in whatever form it hides."""
    ip = ipaddress.ip_address(address)
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    if inner is not None and not public(str(inner)):
        return False
    return ip.is_global and not ip.is_multicast


def _port(port: int | None, tls: bool) -> int:
    return port or (443 if tls else 80)


class _Pinned(http.client.HTTPConnection):
    def __init__(self, host: str, address: tuple[str, int]) -> None:
        super().__init__(host, address[1], timeout=ANSWER_S)
        self._address = address

    def connect(self) -> None:
        """To the address that was checked, not to what the name answers now."""
        self.sock = socket.create_connection(self._address, CONNECT_S)
        self.sock.settimeout(ANSWER_S)


class _PinnedTls(_Pinned):
    def connect(self) -> None:
        """As above; the certificate must still be the name's."""
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
