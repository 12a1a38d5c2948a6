"""The whole hub on PostgreSQL: made, set up, reporting and telling as on SQLite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from tests.conftest import wait_for
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


def test_a_hub_outlives_its_database(postgresql_url: str, tmp_path: Path) -> None:
    """Every door says so while it is away, tells strangers nothing of it, and works again by itself."""
    url = postgresql_url.replace("/postgres?", "/hub_that_goes_away?")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE hub_that_goes_away")
        with running(tmp_path, database_url=url) as hub:
            hub.set_up()
            connection.execute("ALTER DATABASE hub_that_goes_away ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'hub_that_goes_away'"
            )
            with hub.client() as client:
                for method, path in (
                    ("GET", "/tickets"),
                    ("POST", "/tickets"),
                    ("GET", "/me"),
                    ("GET", "/setup"),
                ):
                    answer = client.request(method, path, json={"title": "x"} if method == "POST" else None)
                    assert (answer.status_code, answer.json()["code"]) == (503, "database.away"), path
                    assert answer.headers["retry-after"] and "hub_that_goes_away" not in answer.text
            page = httpx.get(f"{hub.url}/q/SOMELABEL", params={"lang": "en"})
            assert page.status_code == 503 and "does not answer" in page.text
            connection.execute("ALTER DATABASE hub_that_goes_away ALLOW_CONNECTIONS true")
            assert wait_for(lambda: httpx.get(f"{hub.url}/healthz").is_success)
            assert hub.post("/tickets", {"title": "after it"})["title"] == "after it"
