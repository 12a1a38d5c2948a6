"""The hub over HTTP: joining, and delivering when the broker has been away. Knows addresses and answers, no events."""

from __future__ import annotations

import platform
import ssl
from pathlib import Path

import httpx
from pydantic import ValidationError

from core import __version__, paths
from core.errors import AppError, OutsideError
from core.wire.uplink import EdgeJoined, JoinEdge, UplinkAck

TIMEOUT_S = 20.0


def join(hub_url: str, join_code: str, data_dir: Path, ca_file: Path | None = None) -> EdgeJoined:
    """Exchange a one-time code for this edge's login and keep it; AppError or OutsideError `join.*` with the remedy.

    `ca_file`: the authority of the hub's certificate; believed from now on, unless the hub names its own.
    """
    url = hub_url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        url = f"http://{url}"
    try:
        request = JoinEdge(code=join_code.strip(), hostname=platform.node()[:200], agent_version=__version__)
    except ValidationError:
        raise AppError("join.bad_code", f"'{join_code}' is no join code", given=join_code) from None
    ca_pem = _read_ca(ca_file) if ca_file is not None else ""
    believed = ssl.create_default_context(cadata=ca_pem or None)
    try:
        reply = httpx.post(
            f"{url}/api/v1/edges/join", json=request.model_dump(), timeout=TIMEOUT_S, verify=believed
        )
    except httpx.HTTPError as error:
        raise OutsideError("join.no_hub", f"no hub at {url}: {error}", url=url, reason=error) from None
    if reply.status_code >= 500:
        raise OutsideError(
            "join.hub_failed", f"{url} answered {reply.status_code}", url=url, status=reply.status_code
        )
    if reply.is_error:
        raise AppError(
            "join.refused", f"{url} refuses the code: {reply.text[:300]}", url=url, status=reply.status_code
        )
    try:
        joined = EdgeJoined.model_validate_json(reply.content)
        if ca_pem and not joined.ca_pem:
            joined = joined.model_copy(update={"ca_pem": ca_pem})
        trust(joined)
    except (ValidationError, ssl.SSLError) as error:
        raise AppError("join.not_a_hub", f"{url} is not a Fettle hub: {error}", url=url) from None
    paths.private_dir(data_dir)
    paths.write_private(login_file(data_dir), joined.model_dump_json())
    return joined


def _read_ca(file: Path) -> str:
    """The certificates of a PEM file; AppError `join.bad_ca`."""
    try:
        pem = file.read_text(encoding="ascii")
        ssl.create_default_context(cadata=pem)
    except (OSError, UnicodeDecodeError, ssl.SSLError, ValueError) as error:
        raise AppError("join.bad_ca", f"{file}: {error}", file=file, reason=error) from None
    return pem


def login_file(data_dir: Path) -> Path:
    """Where the login is kept."""
    return data_dir / "login.json"


def read_login(data_dir: Path) -> EdgeJoined | None:
    """The login of an earlier `join`; None when this edge has not joined. AppError when the file is damaged."""
    file = login_file(data_dir)
    if not file.exists():
        return None
    try:
        login = EdgeJoined.model_validate_json(file.read_bytes())
        trust(login)
    except (ValidationError, ssl.SSLError) as error:
        raise AppError("join.bad_login", f"{file}: {error}", file=file) from None
    return login


def trust(login: EdgeJoined) -> ssl.SSLContext:
    """Whose certificates this edge believes; ssl.SSLError when `ca_pem` is no certificate."""
    return ssl.create_default_context(cadata=login.ca_pem or None)


class HubHttp:
    """Posts batches of events as this edge."""

    def __init__(self, login: EdgeJoined) -> None:
        self._url = f"{login.http_url.rstrip('/')}/api/v1/edges/{login.edge}/uplink"
        self._client = httpx.AsyncClient(
            auth=(login.edge, login.password), timeout=TIMEOUT_S, verify=trust(login)
        )

    async def exchange(self, batch: bytes) -> UplinkAck:
        """Post an UplinkBatch; raises OutsideError."""
        try:
            reply = await self._client.post(
                self._url, content=batch, headers={"Content-Type": "application/json"}
            )
            reply.raise_for_status()
            return UplinkAck.model_validate_json(reply.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise OutsideError(
                "uplink.http_failed", f"{self._url}: {error}", url=self._url, reason=error
            ) from None

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
