"""The live stream: what is committed is told at once, in order, once, and can be resumed."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.conftest import wait_for
from tests.hub.running import RunningHub


class Reader:
    """Reads a stream in a thread, as a console does."""

    def __init__(self, answer: httpx.Response) -> None:
        self.entries: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self.comments: list[str] = []
        self.ended = threading.Event()
        self._answer = answer

    def run(self) -> None:
        try:
            for line in self._answer.iter_lines():
                if line.startswith("data: "):
                    self.entries.put((time.monotonic(), json.loads(line[6:])))
                elif line.startswith(":"):
                    self.comments.append(line)
        except httpx.TransportError:
            pass
        self.ended.set()

    def next(self) -> dict[str, Any]:
        return self.entries.get(timeout=10)[1]


@contextmanager
def stream(hub: RunningHub, after: int | None = None, **headers: str) -> Iterator[Reader]:
    params = {} if after is None else {"after": after}
    with (
        hub.client(None, **headers) as client,
        client.stream("GET", "/journal/stream", params=params, timeout=30) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = Reader(answer)
        thread = threading.Thread(target=reader.run)
        thread.start()
        wait_for(lambda: bool(reader.comments))
        yield reader
        answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_change_is_told_within_milliseconds(hub: RunningHub) -> None:
    with stream(hub) as reader:
        took = []
        for n in range(10):
            hub.post("/tickets", {"title": f"Number {n}"})
            done = time.monotonic()
            while True:
                at, entry = reader.entries.get(timeout=5)
                if entry["verb"] == "ticket.created":
                    break
            assert entry["data"]["title"] == f"Number {n}"
            took.append(at - done)
    assert sorted(took)[5] < 0.25


def test_a_resumed_stream_misses_and_doubles_nothing(hub: RunningHub) -> None:
    with stream(hub) as reader:
        hub.post("/tickets", {"title": "Before"})
        first = reader.next()
    hub.post("/tickets", {"title": "While away"})
    with stream(hub, first["id"]) as reader:
        hub.post("/tickets", {"title": "After"})
        seen = []
        while not (
            seen and seen[-1]["data"].get("title") == "After" and seen[-1]["verb"] == "ticket.created"
        ):
            seen.append(reader.next())
    ids = [entry["id"] for entry in seen]
    assert ids == sorted(set(ids)) and ids[0] == first["id"] + 1
    told = hub.get("/journal", after=first["id"])
    assert [entry["id"] for entry in told][: len(ids)] == ids
    with stream(hub, 0, **{"Last-Event-ID": str(ids[-2])}) as reader:
        assert reader.next()["id"] == ids[-1]


def test_a_long_past_comes_whole(hub: RunningHub) -> None:
    made = hub.get("/journal", limit=500)
    with stream(hub, 0) as reader:
        ids = [reader.next()["id"] for _ in made]
    assert ids == [entry["id"] for entry in made]


def test_many_streams_leave_the_hub_quick(hub: RunningHub) -> None:
    with stream(hub), stream(hub), stream(hub), stream(hub), stream(hub), stream(hub) as last:
        wait_for(lambda: hub.hub.feed.streams >= 6)
        hub.post("/tickets", {"title": "For all"})
        assert last.next()["data"]["title"] == "For all"
    wait_for(lambda: hub.hub.feed.streams == 0)


def test_whoever_sees_few_tickets_is_told_of_those_alone(hub: RunningHub) -> None:
    start = hub.get("/journal", limit=500)[-1]["id"]
    reporter, technician = hub.person("rita", "reporter"), hub.person("tom", "technician")
    own = hub.post("/tickets", {"title": "Mine"}, token=reporter)
    hub.post(f"/tickets/{own['id']}/notes", {"text": "Between us", "internal": True})
    hub.post("/tickets", {"title": "Not mine"})
    with hub.client(reporter) as client:
        told = client.get("/journal", params={"after": start}).json()
        timeline = client.get(f"/tickets/{own['id']}/timeline").json()
    assert {entry["ticket_id"] for entry in told} == {own["id"]}
    assert timeline[0]["verb"] == "ticket.created"
    assert "Between us" not in str(told) + str(timeline)
    with hub.client(technician) as client:
        told = client.get("/journal", params={"after": start}).json()
    assert "Not mine" in str(told)
    assert not {entry["subject"] for entry in told} & {"person", "session", "hub"}
