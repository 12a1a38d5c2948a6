"""What services know of this plant: start-up settings, and the facts people set later. Leaf of the services."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from core.errors import AppError
from core.settings import HubSettings
from core.storage import db, queries
from core.storage.tables import MetaRow

PLANT = "plant"
HUB_EPOCH = "hub_epoch"


@dataclass(frozen=True, slots=True)
class Plant:
    """What people set: `public_url` is the address phones reach, "" when nobody has set one."""

    name: str = ""
    language: str = "zh_CN"
    public_url: str = ""
    set_up: bool = False
    version: int = 1


_lock = threading.Lock()
_hub = HubSettings()
_own_url = ""
_own_broker_port = 0
_plant: Plant | None = None


def use(settings: HubSettings, own_url: str = "", broker_port: int = 0) -> None:
    """Start-up settings for all services. For the composition root.

    `own_url` and `broker_port` are where this hub and its embedded broker really listen.
    """
    global _hub, _own_url, _own_broker_port
    with _lock:
        _hub = settings
        _own_url = own_url.rstrip("/")
        _own_broker_port = broker_port
    forget()


def forget() -> None:
    """Read the plant's facts anew: they were changed, or the database is another one."""
    global _plant
    _plant = None


def hub() -> HubSettings:
    """The start-up settings."""
    return _hub


def zone() -> ZoneInfo:
    """The plant's time zone."""
    return ZoneInfo(_hub.timezone)


def files_dir() -> Path:
    """Where uploaded files lie."""
    return _hub.data_dir / "files"


def plant() -> Plant:
    """The plant's facts, kept in memory until `change_plant`; then they are there without a database, too."""
    global _plant
    known = _plant
    if known is None:
        known = read_plant()
        _plant = known
    return known


@db.reading
def read_plant() -> Plant:
    """The plant's facts as the database has them at this moment."""
    return Plant(**{"language": _hub.language, **(get(PLANT) or {})})


def change_plant(**facts: Any) -> Plant:
    """Set some of the plant's facts, in the running transaction."""
    put(PLANT, {**(get(PLANT) or {}), **facts})
    # Also after a roll-back of this transaction the next reader must see what is in the database.
    forget()
    db.after_commit(forget)
    return read_plant()


def public_url() -> str:
    """Address that phones reach, without a slash at its end: people's, else the file's, else this hub's own."""
    return address_of(plant())


def address_of(facts: Plant) -> str:
    """The public address that follows from these facts."""
    return (facts.public_url or _hub.http.public_url or _own_url or _local_url()).rstrip("/")


def broker_address() -> tuple[str, int, bool]:
    """Host, port and whether TLS: where edges find the broker."""
    broker = _hub.broker
    public_host = broker.public_host or urlsplit(public_url()).hostname or "localhost"
    if not broker.url:
        # Bound to this computer only, it is found nowhere else.
        host = broker.bind if broker_only_here() else public_host
        return host, _own_broker_port or broker.port, False
    url = urlsplit(broker.url)
    tls = url.scheme == "mqtts"
    return broker.public_host or url.hostname or public_host, url.port or (8883 if tls else 1883), tls


def ca_pem() -> str:
    """Certificates of our own authorities (PEM), for edges; "" when they trust whom their computer trusts.

    The broker's alone is given only where HTTP needs none: an edge that has been given one trusts no other.
    AppError `settings.bad_value` when a file cannot be read.
    """
    http, broker = _hub.http.tls_ca, _hub.broker.ca_file
    if http is None and (broker is None or public_url().startswith("https://")):
        return ""
    keys = (("http.tls_ca", http), ("broker.ca_file", broker))
    return "".join(_read_pem(key, file) for key, file in keys if file is not None)


def _read_pem(key: str, file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip() + "\n"
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(
            "settings.bad_value", f"{key}: {error}", {key: "unreadable"}, key=key, reason=error, file=file
        ) from error


def broker_only_here() -> bool:
    """Whether the embedded broker can be reached from this computer alone."""
    broker = _hub.broker
    return not broker.url and not broker.public_host and is_loopback(broker.bind)


def is_loopback(host: str) -> bool:
    """Whether an address or name means this computer, seen from itself."""
    try:
        found = ip_address(host)
    except ValueError:
        return host == "localhost"
    return bool((getattr(found, "ipv4_mapped", None) or found).is_loopback)


def _local_url() -> str:
    scheme = "https" if _hub.http.tls_cert else "http"
    return f"{scheme}://{_hub.http.host}:{_hub.http.port}"


@db.transaction
def hub_epoch() -> str:
    """32 hex digits made at the first start; a restored database gets new ones, and edges send again."""
    known = get(HUB_EPOCH)
    if known is None:
        known = secrets.token_hex(16)
        put(HUB_EPOCH, known)
    return cast(str, known)


def get(key: str) -> Any:
    """A fact of MetaRow; None when it was never set."""
    row = queries.first(_facts(key))
    return None if row is None else row.value


@queries.prepared
def _facts(key: str) -> Any:
    return MetaRow.select().where(MetaRow.key == key)


def put(key: str, value: Any) -> None:
    """Set a fact, in the running transaction."""
    MetaRow.insert(key=key, value=value).on_conflict(
        conflict_target=[MetaRow.key], update={MetaRow.value: value}
    ).execute()
