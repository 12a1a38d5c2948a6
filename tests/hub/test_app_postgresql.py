"""The whole hub on PostgreSQL: made, set up, reporting and telling as on SQLite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from tests.hub.running import running
from tests.hub.test_phone import Machine
from tests.hub.test_stream import stream


def test_a_hub_lives_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE hub_of_its_own")
    url = postgresql_url.replace("/postgres?", "/hub_of_its_own?")
    with running(tmp_path, database_url=url) as hub:
        hub.set_up()
        machine = Machine(hub, "Press")
        with stream(hub) as reader, ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda n: hub.post("/tickets", {"title": f"T{n}"})["number"], range(24)))
            key = machine.request_id()
            taps = list(pool.map(lambda _n: machine.send(request_id=key, text="Stuck"), range(4)))
            told = []
            while len(told) < 25:
                entry = reader.next()
                if entry["verb"] == "ticket.created":
                    told.append(entry["data"]["number"])
        assert len(set(made)) == 24
        assert {tap.status_code for tap in taps} == {303} and len(machine.tickets()) == 1
        assert set(made) < set(told) and len(set(told)) == 25
    with running(tmp_path, database_url=url) as again:
        assert again.post("/login", {"login": "admin", "password": "correct horse battery"}, token="")[
            "token"
        ]
