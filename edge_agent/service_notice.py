"""Tells systemd that the service is ready, alive or stopping; does nothing where there is no systemd.

The protocol is a line of text in a datagram to the socket named by NOTIFY_SOCKET (sd_notify(3)).
"""

from __future__ import annotations

import os
import socket

from core import log

_log = log.get(__name__)


def notify(state: str) -> bool:
    """Send `READY=1`, `WATCHDOG=1` or `STOPPING=1`; False when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):  # a name in Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("systemd could not be told", state=state, reason=str(error))
        return False
    return True


def watchdog_s() -> float | None:
    """How often systemd wants to hear WATCHDOG=1: half of its limit; None when it does not watch this process."""
    limit, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or int(limit) == 0 or (process and process != str(os.getpid())):
        return None
    return int(limit) / 2e6
