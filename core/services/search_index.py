"""Keeps the full-text index in step with the journal, so that no use case waits for it: tickets and articles.

What changed since the mark is indexed anew, in small transactions; an index that is new begins with all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core import log
from core.domain import words
from core.storage import db, search
from core.storage.sql import JOIN, fn
from core.storage.tables import ArticleRow, AssetRow, JournalRow, TicketRow

_log = log.get(__name__)
AT_ONCE = 200
_MOST_NOTES = 20


def catch_up(_now: datetime | None = None) -> int:
    """Index what the journal tells since the last time; how many entries. Safe in several processes at once."""
    if _mark() is None:
        return _build()
    done = 0
    while (step := _follow()) is not None:
        done += step
    return done


@db.reading
def _mark() -> int | None:
    return search.mark()


@db.transaction
def _follow() -> int | None:
    """One step along the journal; None at its end."""
    search.hold()
    mark = search.mark()
    if mark is None:
        return None  # somebody has just emptied the index
    query = JournalRow.select(JournalRow.id, JournalRow.subject, JournalRow.subject_id, JournalRow.ticket_id)
    rows = list(query.where(JournalRow.id > mark).order_by(JournalRow.id).limit(AT_ONCE))
    if not rows:
        return None
    tickets = {row.ticket_id for row in rows if row.ticket_id is not None}
    articles = {row.subject_id for row in rows if row.subject == "article" and row.subject_id is not None}
    assets = {row.subject_id for row in rows if row.subject == "asset" and row.subject_id is not None}
    if assets:  # a renamed asset is found by its new name in all of its tickets
        named = TicketRow.select(TicketRow.id).where(TicketRow.asset.in_(sorted(assets)))
        tickets |= {row.id for row in named}
    _index_tickets(sorted(tickets))
    _index_articles(sorted(articles))
    search.set_mark(rows[-1].id)
    return len(tickets) + len(articles)


def _build() -> int:
    """The whole index from the beginning, in steps that let others write in between."""
    start = _begin()
    if start is None:
        return 0
    done = 0
    for kind, model in (("ticket", TicketRow), ("article", ArticleRow)):
        last = 0
        while ids := _step(kind, model, last):
            done, last = done + len(ids), ids[-1]
    _finish(start)
    _log.info("search index built", entries=done)
    return done


@db.transaction
def _begin() -> int | None:
    search.prepare()
    search.hold()
    if search.mark() is not None:
        return None  # another process was first
    search.clear()
    return int(JournalRow.select(fn.MAX(JournalRow.id)).scalar() or 0)


@db.transaction
def _step(kind: str, model: Any, after: int) -> list[int]:
    query = model.select(model.id).where(model.id > after).order_by(model.id).limit(AT_ONCE)
    ids = [row.id for row in query]
    (_index_tickets if kind == "ticket" else _index_articles)(ids)
    return ids


@db.transaction
def _finish(cursor: int) -> None:
    search.set_mark(cursor)


def _index_tickets(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        query = (
            TicketRow.select(TicketRow, AssetRow)
            .join(AssetRow, JOIN.LEFT_OUTER, on=(TicketRow.asset == AssetRow.id))
            .where(TicketRow.id.in_(part))
        )
        notes = _notes(part)
        search.put("ticket", [_ticket(row, notes.get(row.id, [])) for row in query])


def _ticket(row: Any, notes: Iterable[str]) -> tuple[int, list[str], list[str]]:
    asset = [row.asset.number, row.asset.name] if row.asset_id is not None else []
    rest = [row.number, row.description, row.resolution, row.reporter_name, *asset, *notes]
    return row.id, words.terms(row.title), words.terms("\n".join(rest))


def _notes(ticket_ids: Sequence[int]) -> dict[int, list[str]]:
    """What was said on each; not what is internal, for whoever finds by it may not be meant to read it."""
    query = JournalRow.select(JournalRow.ticket_id, JournalRow.data).where(
        JournalRow.ticket_id.in_(ticket_ids), JournalRow.verb == "ticket.noted"
    )
    found: dict[int, list[str]] = {}
    for row in query.order_by(JournalRow.id.desc()):
        said = found.setdefault(int(row.ticket_id or 0), [])
        if not row.data.get("internal") and len(said) < _MOST_NOTES:
            said.append(str(row.data.get("text", "")))
    return found


def _index_articles(ids: Sequence[int]) -> None:
    rows = list(ArticleRow.select().where(ArticleRow.id.in_(ids))) if ids else []
    search.put(
        "article",
        [
            (
                row.id,
                words.terms(row.title),
                words.terms("\n".join((row.number, row.symptom, row.cause, row.remedy, row.category))),
            )
            for row in rows
        ],
    )
