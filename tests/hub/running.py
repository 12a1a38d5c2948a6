"""A whole hub for tests, in a thread of this process: real sockets, real database, real broker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from core import log
from core.hub.app import Hub
from core.hub.feed import BEAT_S
from core.services import settings as plant
from core.services import setup
from core.settings import BrokerSettings, HttpSettings, HubSettings
from core.storage import db

PASSWORD = "correct horse battery"


class RunningHub:
    """A hub that answers, and how tests talk to it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.settings = hub.settings
        self.url = hub.url
        self.token = ""

    def set_up(self) -> None:
        """The first set-up; afterwards the administrator is logged in."""
        body = {
            "code": setup.setup_code(),
            "plant": "Test plant",
            "language": "en",
            "name": "Ada Admin",
            "login": "admin",
            "password": PASSWORD,
        }
        self.token = self.post("/setup", body)["token"]

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """A client of the API, logged in as the administrator unless `token` says otherwise."""
        known = self.token if token is None else token
        if known:
            headers["Authorization"] = f"Bearer {known}"
        return httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Accept-Language": "en", **headers}, timeout=30
        )

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a GET that must succeed."""
        with self.client() as client:
            answer = client.get(path, params=params)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, token: str | None = None) -> Any:
        """JSON of a POST that must succeed."""
        with self.client(token) as client:
            answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def person(self, login: str, *roles: str, **more: Any) -> str:
        """A new person with these roles; returns their token."""
        body = {"name": login.title(), "login": login, "password": PASSWORD, "roles": list(roles), **more}
        self.post("/people", body)
        return str(self.post("/login", {"login": login, "password": PASSWORD}, token="")["token"])


@contextmanager
def running(folder: Path, beat_s: float = BEAT_S, **more: Any) -> Iterator[RunningHub]:
    """A hub with its data in `folder`, on free ports, until the block ends."""
    log.configure(json=True)
    settings = HubSettings(
        data_dir=folder, http=HttpSettings(port=0), broker=BrokerSettings(port=0), language="en", **more
    )
    hub = Hub(settings, beat_s)
    hub.open()
    ready = threading.Event()
    thread = threading.Thread(target=hub.serve, args=(ready.set,), name="test-hub")
    thread.start()
    try:
        assert ready.wait(20), "the hub did not start"
        yield RunningHub(hub)
    finally:
        hub.stop()
        thread.join(20)
        db.close()
        plant.use(HubSettings())
    assert not thread.is_alive(), "the hub did not stop"
