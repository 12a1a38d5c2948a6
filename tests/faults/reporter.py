"""Somebody who reports over HTTP all the while, whatever happens to the hub, and knows what was promised."""

from __future__ import annotations

import contextlib
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
        self._number = 0
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
        with httpx.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=3) as client:
            while not self._stop.is_set():
                if self._quiet.is_set():
                    self._still.set()
                    self._stop.wait(0.01)
                    continue
                self._report(client)
                with contextlib.suppress(httpx.HTTPError):  # whether it was done shows in the database
                    self._see_to_an_alarm(client)
                self._stop.wait(0.1)

    def _url(self, path: str) -> str:
        self._number += 1  # the hubs take turns
        port = self._rig.http_ports[self._number % len(self._rig.http_ports)]
        return f"http://127.0.0.1:{port}/api/v1{path}"

    def _report(self, client: httpx.Client) -> None:
        request = uuid.uuid4().hex
        while not self._stop.is_set():
            body = {"title": f"report {self._number}", "request_id": request}
            with contextlib.suppress(httpx.HTTPError):
                answer = client.post(self._url("/tickets"), json=body)
                if answer.is_success:
                    self._judge.posted[request] = int(answer.json()["id"])
                    return
            self._stop.wait(0.05)

    def _see_to_an_alarm(self, client: httpx.Client) -> None:
        """Now and then one is acknowledged, or its ticket cancelled, so that its next raise makes another."""
        what = self._number % 5
        if what not in (0, 1):
            return
        answer = client.get(self._url("/alarms"), params={"active": True})
        alarms = answer.json() if answer.is_success else []
        if not alarms:
            return
        alarm = alarms[self._number % len(alarms)]
        if what == 0:
            answer = client.post(self._url(f"/alarms/{alarm['id']}/ack"))
            if answer.is_success and answer.json()["acked_at"]:
                self._judge.seen.add((alarm["id"], answer.json()["acked_at"]))
        elif alarm["ticket"]:
            path = f"/tickets/{alarm['ticket']['id']}/moves"
            client.post(self._url(path), json={"move": "cancel", "reason": "nothing to be done"})
