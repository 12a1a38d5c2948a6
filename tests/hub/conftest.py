"""A fresh database for each test, once on SQLite and once on PostgreSQL (a temporary cluster of this run)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.people import Actor
from core.services import settings
from core.storage import db, search
from core.storage.tables import (
    ALL,
    AssetRow,
    EdgeRow,
    LocationRow,
    PersonRow,
    ShiftMemberRow,
    ShiftRow,
    TeamMemberRow,
    TeamRow,
)

if TYPE_CHECKING:
    from tests.hub.running import RunningHub

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Shanghai


def _postgresql_bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL cluster that lives as long as this test run, on a socket in its own folder."""
    programs = _postgresql_bin()
    folder = Path(tempfile.mkdtemp(prefix="fettle-pg-"))  # tmp_path is closed to the user postgres
    as_owner: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    data = folder / "data"
    options = ["-A", "trust", "-U", "fettle", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [*as_owner, str(programs / "initdb"), "-D", str(data), *options], check=True, capture_output=True
    )
    server = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c full_page_writes=off"
    control = [*as_owner, str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", server, "start"], check=True, capture_output=True)
    try:
        yield f"postgresql://fettle@localhost/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_tables(postgresql_url: str) -> str:
    """The cluster's URL, once its tables are there."""
    opened = db.open_database(postgresql_url, Path())
    with opened.connection_context():
        opened.create_tables(ALL)
    db.close()
    return postgresql_url


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with all tables, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "empty.db"
    opened = db.open_database("", file)
    opened.create_tables(ALL)
    db.close()
    return file


@pytest.fixture
def sqlite_database(sqlite_file: Path, tmp_path: Path) -> Iterator[Path]:
    """A fresh SQLite database for tests that need no second kind."""
    file = tmp_path / "fettle.db"
    shutil.copy(sqlite_file, file)
    db.open_database("", file)
    settings.forget()
    yield file
    db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database with all tables, bound; its value says of which kind."""
    if request.param == "sqlite":
        request.getfixturevalue("sqlite_database")
        yield "sqlite"
        return
    opened = db.open_database(request.getfixturevalue("postgresql_tables"), Path())
    settings.forget()
    with opened.connection_context():
        _empty(opened)
    yield "postgresql"
    db.close()


def _empty(opened: Any) -> None:
    """Delete all rows and count from 1 again; many times faster than TRUNCATE on forty small tables."""
    tables = [row._meta.table_name for row in ALL]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
    used = [name for (name,) in opened.execute_sql(asked).fetchall()]
    with opened.atomic():
        for name in (*(f"search_{kind}" for kind in search.KINDS), "search_mark"):
            opened.execute_sql(f"DROP TABLE IF EXISTS {name}")
        opened.execute_sql(
            "SET LOCAL session_replication_role = replica"
        )  # in any order, without foreign keys
        for name in used:
            opened.execute_sql(f"DELETE FROM {name}")
        opened.execute_sql("SELECT " + ", ".join(f"setval('{name}_id_seq', 1, false)" for name in tables))


@pytest.fixture
def now() -> datetime:
    """A moment on a working day."""
    return NOW


@dataclass(frozen=True)
class Plant:
    """A small plant: one team of two on the day shift, a supervisor, one press, one edge."""

    team: TeamRow
    wang: PersonRow
    li: PersonRow
    chief: PersonRow
    press: AssetRow
    edge: EdgeRow

    def actor(self, person: PersonRow) -> Actor:
        """That person, logged in."""
        teams = TeamMemberRow.select().where(TeamMemberRow.person == person)
        return Actor(
            "person",
            person.id,
            person.name,
            frozenset(person.roles),
            frozenset(member.team_id for member in teams),
            language="en",
        )

    @property
    def boss(self) -> Actor:
        """The supervisor, logged in."""
        return self.actor(self.chief)


@pytest.fixture
def plant(database: str) -> Plant:
    """A small plant in a fresh database of each kind."""
    return make_plant()


@pytest.fixture
def sqlite_plant(sqlite_database: Path) -> Plant:
    """The same on SQLite alone."""
    return make_plant()


def leave() -> None:
    """At the end of a test's own thread: give its connection back."""
    if not db.database.is_closed():
        db.database.close()


def make_plant() -> Plant:
    """Write the rows of the small plant."""
    team = TeamRow.create(name="钳工班")
    wang = PersonRow.create(name="王伟", login="wang", roles=["technician"], hourly_cost_minor=6000)
    li = PersonRow.create(name="李娜", login="li", roles=["technician"], hourly_cost_minor=7200)
    chief = PersonRow.create(name="陈主管", login="chen", roles=["supervisor"], language="en")
    for person in (wang, li):
        TeamMemberRow.create(team=team, person=person)
    day = ShiftRow.create(name="白班", weekdays=[0, 1, 2, 3, 4, 5, 6], start_min=8 * 60, end_min=20 * 60)
    for person in (wang, li):
        ShiftMemberRow.create(shift=day, person=person)
    line = LocationRow.create(kind="line", name="一号线")
    press = AssetRow.create(
        number="A-00001", name="一号冲压机", criticality="A", category="press", team=team, location=line,
        downtime_cost_minor_per_h=60_000,
    )  # fmt: skip
    edge = EdgeRow.create(edge_id="edge-1", name="一车间边缘", joined_at=NOW)
    return Plant(team, wang, li, chief, press, edge)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A whole hub that answers, set up, for all tests of one file."""
    from tests.hub.running import running  # only here: it loads every door

    with running(tmp_path_factory.mktemp("hub")) as found:
        found.set_up()
        yield found
