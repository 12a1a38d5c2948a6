"""Where the hub listens and how others reach it: sockets, ports, this computer's address. Starts nothing."""

from __future__ import annotations

import errno
import os
import socket

from core.errors import AppError
from core.settings import HubSettings

_TAKEN = (errno.EADDRINUSE, errno.EACCES)  # the latter: a port that only the system may use


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; AppError `hub.port_taken` or `hub.bad_host`."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AppError("hub.bad_host", f"{host}: {error}", host=host) from error
    try:
        if os.name == "posix":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(2048)
    except OSError as error:
        opened.close()
        code = "hub.port_taken" if error.errno in _TAKEN else "hub.bad_host"
        raise AppError(code, f"{host}:{port}: {error}", host=host, port=port) from error
    return opened


def own_url(settings: HubSettings, port: int) -> str:
    """The address under which this computer reaches its own hub, or the plant does when it listens to all."""
    scheme = "https" if settings.http.tls_cert else "http"
    host = settings.http.host
    if host in ("", "0.0.0.0", "::"):
        host = outward_address()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def outward_address() -> str:
    """This computer's address in its network; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
