"""The full-text index of tickets and articles: terms in, ids out. Derived from the rows, made anew when it is absent.

SQLite's FTS5 or PostgreSQL's GIN hold terms that `core.domain.words` has cut; what a term is they do not know. The
mark is the journal's cursor up to which the index is in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import peewee

from core.storage import db
from core.storage.sql import SQL

KINDS = ("ticket", "article")
_LOOKED_UP = 300
_MANY = 100_000  # more matches than this are looked up one by one, in the order that is wanted

_SQLITE = (
    *(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS search_{kind} USING fts5(title, body, "
        "tokenize=\"unicode61 remove_diacritics 0\", prefix='1 2 3', detail=column)"
        for kind in KINDS
    ),
    "CREATE TABLE IF NOT EXISTS search_mark (id INTEGER PRIMARY KEY, cursor INTEGER NOT NULL)",
)
_POSTGRESQL = (
    *(
        f"CREATE TABLE IF NOT EXISTS search_{kind} (id BIGINT PRIMARY KEY, title tsvector NOT NULL, "
        "words tsvector NOT NULL)"
        for kind in KINDS
    ),
    *(f"CREATE INDEX IF NOT EXISTS search_{kind}_words ON search_{kind} USING gin (words)" for kind in KINDS),
    "CREATE TABLE IF NOT EXISTS search_mark (id INTEGER PRIMARY KEY, cursor BIGINT NOT NULL)",
)


def prepare() -> None:
    """Make the tables of the index where they are missing; inside a transaction."""
    for statement in _POSTGRESQL if db.is_postgresql() else _SQLITE:
        db.database.execute_sql(statement)


def mark() -> int | None:
    """The cursor up to which everything is indexed; None: nothing yet, or there is no index."""
    if "search_mark" not in db.database.get_tables():
        return None
    found = db.database.execute_sql("SELECT cursor FROM search_mark WHERE id = 1").fetchone()
    return None if found is None else int(found[0])


def set_mark(cursor: int) -> None:
    """Everything up to `cursor` is indexed."""
    _run("DELETE FROM search_mark")
    _run("INSERT INTO search_mark (id, cursor) VALUES (1, ?)", cursor)


def hold() -> None:
    """One process indexes at a time: the others wait here until its transaction ends (SQLite: always one writer)."""
    if db.is_postgresql():
        _run("SELECT pg_advisory_xact_lock(7460004)")


def put(kind: str, entries: Iterable[tuple[int, Sequence[str], Sequence[str]]]) -> None:
    """Index (id, terms of the title, terms of the rest), in place of what was there."""
    for row_id, title, body in entries:
        if db.is_postgresql():
            _run(
                f"INSERT INTO search_{kind} (id, title, words) "
                "VALUES (?, array_to_tsvector(?), array_to_tsvector(?)) "
                "ON CONFLICT (id) DO UPDATE SET title = excluded.title, words = excluded.words",
                row_id, sorted(set(title)), sorted({*title, *body}),
            )  # fmt: skip
        else:
            _run(f"DELETE FROM search_{kind} WHERE rowid = ?", row_id)
            _run(
                f"INSERT INTO search_{kind} (rowid, title, body) VALUES (?, ?, ?)",
                row_id, " ".join(title), " ".join(dict.fromkeys(body)),
            )  # fmt: skip


def forget(kind: str, ids: Iterable[int]) -> None:
    """Take entries out."""
    column = "id" if db.is_postgresql() else "rowid"
    for row_id in ids:
        _run(f"DELETE FROM search_{kind} WHERE {column} = ?", row_id)


def clear() -> None:
    """Empty the whole index, mark and all."""
    for kind in KINDS:
        _run(f"DELETE FROM search_{kind}")
    _run("DELETE FROM search_mark")


def matching(kind: str, terms: Sequence[str], key: Any) -> Any:
    """The condition that the row with the id `key` (a column) has all of `terms`; `ab*` is the beginning of one."""
    if db.is_postgresql():
        return key.in_(SQL(f"(SELECT id FROM search_{kind} WHERE words @@ %s::tsquery)", (_tsquery(terms),)))
    match = _match(terms)
    many = _run(f"SELECT 1 FROM search_{kind} WHERE search_{kind} MATCH ? LIMIT 1 OFFSET {_MANY}", match)
    if many.fetchone() is None:
        return key.in_(SQL(f"(SELECT rowid FROM search_{kind} WHERE search_{kind} MATCH ?)", (match,)))
    return peewee.NodeList(
        (
            SQL(f"EXISTS(SELECT 1 FROM search_{kind} WHERE rowid ="),
            key,
            SQL(f"AND search_{kind} MATCH ?)", (match,)),
        )
    )


def ranked(kind: str, terms: Sequence[str], limit: int, every: bool = True) -> list[tuple[int, float]]:
    """(id, score) of the best, the highest score first; with `every` all terms must be there, else any.

    Scores compare within one answer only: BM25 with titles counted fourfold in SQLite, ts_rank in PostgreSQL.
    """
    if not terms:
        return []
    if db.is_postgresql():
        query = _tsquery(terms, " & " if every else " | ")
        found = _run(
            f"SELECT id, ts_rank(words, q) + 3 * ts_rank(title, q) AS score FROM search_{kind}, "
            "CAST(? AS tsquery) q WHERE words @@ q ORDER BY score DESC, id DESC LIMIT ?",
            query, limit,
        )  # fmt: skip
    else:
        match = _match(terms, " " if every else " OR ")
        found = _run(
            f"SELECT rowid, -bm25(search_{kind}, 4.0, 1.0) AS score FROM search_{kind} "
            f"WHERE search_{kind} MATCH ? ORDER BY score DESC, rowid DESC LIMIT ?",
            match, limit,
        )  # fmt: skip
    return [(int(row_id), float(score)) for row_id, score in found.fetchall()]


def rarest(kind: str, terms: Iterable[str], most: int, common: int = 5000) -> list[str]:
    """The `most` terms that the fewest entries have, the rarest first.

    Left out are those that no entry has, and those of more than `common`: they tell nothing apart. Of a long
    text only the first few hundred are looked up, each of which is a question to the index.
    """
    counted = []
    for term in islice(terms, _LOOKED_UP):
        condition = "words @@ CAST(? AS tsquery)" if db.is_postgresql() else f"search_{kind} MATCH ?"
        query = _tsquery([term]) if db.is_postgresql() else _match([term])
        found = _run(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM search_{kind} WHERE {condition} LIMIT {common + 1}) x",
            query,
        )
        count = int(found.fetchone()[0])
        if 0 < count <= common:
            counted.append((count, term))
    return [term for _count, term in sorted(counted)[:most]]


def _run(statement: str, *params: Any) -> Any:
    if db.is_postgresql():
        statement = statement.replace("?", "%s")
    return db.database.execute_sql(statement, params)


def _match(terms: Sequence[str], between: str = " ") -> str:
    """Terms hold letters and digits only, but AND, OR and NOT are words too: so each is quoted."""
    return between.join(f'"{term[:-1]}" *' if term.endswith("*") else f'"{term}"' for term in terms)


def _tsquery(terms: Sequence[str], between: str = " & ") -> str:
    return between.join(f"'{term[:-1]}':*" if term.endswith("*") else f"'{term}'" for term in terms)
