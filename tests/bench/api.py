"""`./dev bench api`: tickets made and listed over the HTTP API, beside plain sqlite3 doing the same to the same file.

`--tickets 1000000` for the size that is promised; the file is filled beforehand, past the API.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench import _figures as figures

ASSETS, PEOPLE, TEAMS = 500, 40, 6
_OPEN = ("new", "assigned", "in_progress", "on_hold")
_LINE = (
    "SELECT t.id, t.number, t.type, t.source, t.state, t.hold_reason, t.priority, t.title, t.reporter_name,"
    " t.reporter_id, t.verified, t.reported_at, t.respond_due_at, t.resolve_due_at, t.acknowledged_at,"
    " t.resolved_at, t.occurrences, t.updated_at, a.name, a.number, m.name, p.name FROM ticket_row t"
    " LEFT JOIN asset_row a ON a.id = t.asset_id LEFT JOIN team_row m ON m.id = t.team_id"
    " LEFT JOIN person_row p ON p.id = t.assignee_id "
)
# What is asked of the API, and the same by hand.
LISTS: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "newest first": ([("sort", "-reported_at")], "ORDER BY t.reported_at DESC, t.id DESC LIMIT 51"),
    "open, by due time": (
        [("open", "true"), ("sort", "resolve_due_at")],
        f"WHERE t.state IN {_OPEN} ORDER BY +t.resolve_due_at, t.id LIMIT 51",
    ),
    "open, two priorities, newest first": (
        [("open", "true"), ("priority", 1), ("priority", 2), ("sort", "-reported_at")],
        f"WHERE t.state IN {_OPEN} AND t.priority IN (1, 2) ORDER BY +t.reported_at DESC, t.id DESC LIMIT 51",
    ),
    "closed, by title": (
        [("state", "closed"), ("sort", "title")],
        "WHERE t.state = 'closed' ORDER BY t.title, t.id LIMIT 51",
    ),
    "one asset, newest first": (
        [("asset_id", 7), ("sort", "-reported_at")],
        "WHERE t.asset_id = 7 ORDER BY +t.reported_at DESC, t.id DESC LIMIT 51",
    ),
    "text search, newest first": (
        [("q", "leak 77"), ("sort", "-reported_at")],
        "WHERE t.title LIKE '%leak 77%' OR t.number LIKE '%leak 77%' OR t.asset_id IN (SELECT id FROM asset_row"
        " WHERE number LIKE '%leak 77%' OR name LIKE '%leak 77%') ORDER BY t.reported_at DESC, t.id DESC LIMIT 51",
    ),
}


class Client:
    """One keep-alive connection; lean, so that the hub is measured and not the caller."""

    def __init__(self, port: int, token: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._used_s = time.monotonic()
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of an answer that must be good."""
        sent = None if body is None else json.dumps(body)
        if time.monotonic() - self._used_s > 2:  # the hub closes what was idle for five seconds
            self._connection.close()
        self._used_s = time.monotonic()
        self._connection.request(method, f"/api/v1{path}", sent, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="./dev bench api", description=__doc__)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        hub = figures.HubProcess(Path(name))
        try:
            found = _measure(hub, wanted.tickets, wanted.samples)
        finally:
            hub.stop()
    figures.write(wanted.json, {"tickets": wanted.tickets, "rows": found})
    return 0


def _measure(hub: figures.HubProcess, tickets: int, samples: int) -> list[dict[str, Any]]:
    body = {"code": hub.setup_code(), "plant": "Bench", "language": "en", "name": "Ada", "login": "ada"}
    token = Client(hub.port).ask("POST", "/setup", {**body, "password": figures.PASSWORD})["token"]
    client = Client(hub.port, token)
    file = sqlite3.connect(hub.data / "hub.db", timeout=60)
    began = time.perf_counter()
    _fill(file, tickets)
    print(f"{tickets} tickets on {ASSETS} assets written in {time.perf_counter() - began:.0f} s")
    figures.head()
    found = []
    for name, (query, sql) in LISTS.items():
        path = "/tickets?" + urlencode([("limit", 50), *query])
        same = _LINE + sql
        ids = [line["id"] for line in client.ask("GET", path)["items"]]
        if ids != [line[0] for line in file.execute(same).fetchall()[:50]]:
            raise SystemExit(f"{name}: the hub and the comparison list different tickets")
        few = max(10, samples // 10) if "text" in name else samples
        plain = figures.timed(partial(_read, file, same), few)
        ours = figures.timed(partial(client.ask, "GET", path), few)
        found += [figures.row(f"list: {name}", ours, ratio=_ratio(ours, plain)), _beside(plain)]
    ids = list(range(1, 201))
    ours = figures.timed(lambda: client.ask("POST", "/tickets/rows", {"ids": ids}), samples)
    places = ",".join("?" * len(ids))
    same = f"{_LINE} WHERE t.id IN ({places})"
    plain = figures.timed(lambda: file.execute(same, ids).fetchall(), samples)
    found += [figures.row("200 rows by id", ours, ratio=_ratio(ours, plain)), _beside(plain)]
    plain = figures.timed(lambda: _insert(file), samples)
    for clients in (1, 8):
        used, began = hub.cpu_s(), time.perf_counter()
        ours = _post(hub.port, token, clients, samples)
        wall = time.perf_counter() - began
        more = {
            "per_s": round(len(ours) / wall),
            "hub_cpu_ms": round((hub.cpu_s() - used) / len(ours) * 1000, 2),
            "ratio": _ratio(ours, plain),
        }
        found.append(figures.row(f"POST ticket, {clients} client{'s' * (clients > 1)}", ours, **more))
    found.append(_beside(plain))
    file.close()
    return found


def _read(file: sqlite3.Connection, sql: str) -> list[Any]:
    return file.execute(sql).fetchall()


def _beside(plain: list[float]) -> dict[str, Any]:
    return figures.row("    plain sqlite3", plain)


def _ratio(ours: list[float], plain: list[float]) -> float:
    return round(figures.percentile(ours, 0.5) / figures.percentile(plain, 0.5), 1)


def _post(port: int, token: str, clients: int, samples: int) -> list[float]:
    found: list[float] = []

    def work() -> None:
        client = Client(port, token)
        body = {
            "title": "Oil leak at the press",
            "type": "fault",
            "description": "Seen at the start of the shift",
        }
        chance = random.Random()
        found.extend(
            figures.timed(
                lambda: client.ask("POST", "/tickets", body | {"asset_id": chance.randint(1, ASSETS)}),
                samples,
            )
        )

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _insert(file: sqlite3.Connection) -> None:
    """A ticket and two journal rows, safe on disk: the least that a new ticket is."""
    with file:
        file.execute("PRAGMA synchronous = FULL")
        number = f"X-{time.time_ns()}"
        row = (*_ticket(random.Random(), 0)[1:],)
        sql = f"INSERT INTO ticket_row ({', '.join(_COLUMNS[1:])}) VALUES ({', '.join('?' * len(row))})"
        ticket = file.execute(sql, (number, *row[1:])).lastrowid
        for verb in ("ticket.created", "ticket.assigned"):
            file.execute(
                "INSERT INTO journal_row (at, actor, actor_name, verb, subject, subject_id, ticket_id, data)"
                " VALUES (?, 'person:1', 'Ada', ?, 'ticket', ?, ?, '{}')",
                (time.time_ns() // 1000, verb, ticket, ticket),
            )


_COLUMNS = (
    "id", "number", "type", "source", "title", "description", "state", "hold_reason", "priority",
    "priority_reason", "asset_id", "reporter_name", "reporter_contact", "verified", "team_id", "assignee_id",
    "failure_mode", "failure_cause", "failure_remedy", "resolution", "procedure", "dedup_key", "reported_at",
    "respond_due_at", "resolve_due_at", "updated_at", "paused_s", "occurrences", "reopen_count", "urge_count",
    "other_cost_minor", "rating_comment", "version",
)  # fmt: skip
_WORDS = ("leak", "noise", "overheats", "stops", "vibrates", "belt worn", "sensor drifts", "door jams")
_YEAR_US = 365 * 86_400 * 1_000_000


def _ticket(chance: random.Random, at: int) -> tuple[Any, ...]:
    """97 of 100 are over, as after some years."""
    state = (
        chance.choice(_OPEN) if chance.random() < 0.03 else chance.choice(("closed",) * 19 + ("cancelled",))
    )
    reported = time.time_ns() // 1000 - chance.randrange(3 * _YEAR_US)
    return (
        at, f"T-2023-{at:07d}", "fault", "alarm", f"{chance.choice(_WORDS)} {chance.randrange(100_000)}", "",
        state, "", chance.choice((1, 2, 3, 3, 3, 4)), "", chance.randint(1, ASSETS), "", "", 1,
        chance.randint(1, TEAMS), chance.randint(2, PEOPLE), "", "", "", "", "[]", "", reported,
        reported + 3_600_000_000, reported + chance.randrange(1, 72) * 3_600_000_000, reported, 0, 1, 0, 0, 0, "", 1,
    )  # fmt: skip


def _fill(file: sqlite3.Connection, tickets: int) -> None:
    """Teams on a shift around the clock, people, assets, tickets."""
    chance = random.Random(1)

    def many(table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
        places = ", ".join("?" * (columns.count(",") + 1))
        file.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)

    with file:
        many("team_row", "id, version, name, active", ((n, 1, f"Team {n}", 1) for n in range(1, TEAMS + 1)))
        file.execute(
            "INSERT INTO shift_row (id, version, name, weekdays, start_min, end_min, active)"
            " VALUES (1, 1, 'Always', '[0,1,2,3,4,5,6]', 0, 1440, 1)"
        )
        many(
            "person_row",
            "id, version, name, roles, skills, phone, email, notify_urls, language, hourly_cost_minor, active",
            (
                (n, 1, f"Person {n}", '["technician"]', "[]", "", "", "[]", "en", 6000, 1)
                for n in range(2, PEOPLE + 1)
            ),
        )
        many("team_member_row", "team_id, person_id", ((1 + n % TEAMS, n) for n in range(2, PEOPLE + 1)))
        many("shift_member_row", "shift_id, person_id", ((1, n) for n in range(2, PEOPLE + 1)))
        many(
            "asset_row",
            "id, version, number, name, category, criticality, maker, model, serial, team_id,"
            " downtime_cost_minor_per_h, notes",
            (
                (
                    n,
                    1,
                    f"A-{n:05d}",
                    f"Machine {n}",
                    "press",
                    chance.choice("ABC"),
                    "",
                    "",
                    "",
                    1 + n % TEAMS,
                    0,
                    "",
                )
                for n in range(1, ASSETS + 1)
            ),
        )
        many("ticket_row", ", ".join(_COLUMNS), (_ticket(chance, at) for at in range(1, tickets + 1)))


if __name__ == "__main__":
    raise SystemExit(main())
