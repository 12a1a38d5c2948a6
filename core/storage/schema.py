"""What the live tables look like as SQL, to write a migration's next step by: `python -m core.storage.schema`."""

from __future__ import annotations

import re
import sys
from typing import Any

import peewee

from core.storage.tables import ALL

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
    """Print the live tables; an argument names the dialect."""
    sys.stdout.write(script(DIALECTS[sys.argv[1] if len(sys.argv) > 1 else "sqlite"]))


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
