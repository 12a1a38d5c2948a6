"""What the live tables look like as SQL, to freeze into a migration and to compare a migrated database with.

`python -m core.storage.schema` writes the first migration's SQL anew. From the first release on it stays as it
is, and each change gets a step of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import peewee

from core.storage.tables import ALL

FIRST = Path(__file__).with_name("migrations") / "m0001_first.py"
DIALECTS = {"sqlite": peewee.SqliteDatabase, "postgresql": peewee.PostgresqlDatabase}


def statements(dialect: type[peewee.Database]) -> list[str]:
    """The SQL that makes the live tables in a database of this kind."""
    database = dialect("unopened")
    found: list[str] = []
    with database.bind_ctx(ALL, bind_refs=False, bind_backrefs=False):
        for row in ALL:
            manager: Any = row._schema  # type: ignore[attr-defined]  # peewee's metaclass sets it
            for context in (manager._create_table(safe=False), *manager._create_indexes(safe=False)):
                sql, params = context.query()
                assert not params, sql
                found.append(sql)
    return found


def main() -> None:
    """Write the first migration's SQL from the live tables."""
    for name, dialect in DIALECTS.items():
        file = FIRST.with_suffix(f".{name}.sql")
        file.write_text(script(dialect), encoding="utf-8")
        print(f"wrote {file}")


def script(dialect: type[peewee.Database]) -> str:
    """All statements as one readable file."""
    return "".join(_wrap(statement) + ";\n" for statement in statements(dialect))


def _wrap(statement: str, width: int = 108) -> str:
    """Break long statements between columns."""
    lines, line = [], ""
    for part in re.split(r"(?<=, )", statement):
        if line and len(line) + len(part.rstrip()) > width:
            lines.append(line.rstrip())
            line = "    "
        line += part
    return "\n".join([*lines, line.rstrip()])


if __name__ == "__main__":
    main()
