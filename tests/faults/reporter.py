"""Somebody who reports over HTTP all the while, whatever happens to the hub, and knows what was promised."""

from __future__ import annotations

import threading
import uuid

import httpx

from tests.faults.judge import Judge
from tests.faults.rig import Rig


def set_up(rig: Rig) -> str:
    """The hub's first set-up; a token of its administrator."""
    code = (rig.folder / "hub-0" / "setup-code").read_text().strip()
    url = f"http://127.0.0.1:{rig.http_ports[0]}/api/v1"
    body = {
        "code": code, "plant": "Faults", "language": "en", "name": "Ada", "login": "ada",
        "password": "correct horse battery",
    }  # fmt: skip
    answer = httpx.post(f"{url}/setup", json=body, timeout=20)
    answer.raise_for_status()
    return str(answer.json()["token"])


class Reporter:
    """Somebody who reports by HTTP all the while, and asks again under the same number until the hub says yes."""

    def __init__(self, rig: Rig, judge: Judge, token: str) -> None:
        self._rig, self._judge, self._token = rig, judge, token
        self._stop = threading.Event()
        self._quiet = threading.Event()
        self._still = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """No report is under way when this returns."""
        self._still.clear()
        self._quiet.set()
        self._still.wait(40)

    def go_on(self) -> None:
        self._quiet.clear()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        number = 0
        with httpx.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=3) as client:
            while not self._stop.is_set():
                if self._quiet.is_set():
                    self._still.set()
                    self._stop.wait(0.01)
                    continue
                request = uuid.uuid4().hex
                while not self._stop.is_set():
                    port = self._rig.http_ports[number % len(self._rig.http_ports)]
                    number += 1
                    try:
                        answer = client.post(
                            f"http://127.0.0.1:{port}/api/v1/tickets",
                            json={"title": f"report {number}", "request_id": request},
                        )
                    except httpx.HTTPError:
                        self._stop.wait(0.05)
                        continue
                    if answer.is_success:
                        self._judge.posted[request] = int(answer.json()["id"])
                        break
                    self._stop.wait(0.05)
                self._stop.wait(0.1)
