"""The knowledge base: articles people write, from tickets too, and what may help with a ticket at hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain import words, workflow
from core.domain.people import Action, Actor, may, require
from core.errors import Conflict
from core.services import journal, numbers, rows, ticket_rows, ticket_states
from core.storage import db, search
from core.storage.sql import JOIN, fn
from core.storage.tables import ArticleRow, ArticleUseRow, AssetRow, PersonRow, TicketRow
from core.wire.base import Ref
from core.wire.knowledge import ArticleLine, ArticleView, SaveArticle, Suggestion, Suggestions

MOST_LISTED = 500
LEAST_LIKENESS = 0.12  # below it two texts share no more than small words
_CANDIDATES = 40
_SHOWN = 5
_TEXT_CHARS = 400
_READ_CHARS = 500

# ---------------------------------------------------------------- reading


@db.reading
def listed(
    actor: Actor, *, q: str = "", category: str | None = None, state: str | None = None
) -> list[ArticleLine]:
    """Articles, the newest change first, or the best match first when `q` is given; drafts only for who may edit."""
    require(actor, Action.ARTICLE_READ)
    query = ArticleRow.select()
    if not may(actor, Action.ARTICLE_EDIT):
        query = query.where(ArticleRow.state == "published")
    elif state:
        query = query.where(ArticleRow.state == state)
    if category is not None:
        query = query.where(ArticleRow.category.in_(["", category]))
    if not q.strip():
        return _lines(list(query.order_by(ArticleRow.updated_at.desc()).limit(MOST_LISTED)))
    order = _matching(q, MOST_LISTED)
    found = {row.id: row for row in query.where(ArticleRow.id.in_(order))} if order else {}
    return _lines([found[row_id] for row_id in order if row_id in found])


def _matching(q: str, limit: int) -> list[int]:
    terms = words.query_terms(q)
    if search.mark() is None:  # no index yet: the few articles of a new hub
        whole = ArticleRow.title.contains(q) | ArticleRow.symptom.contains(q) | ArticleRow.remedy.contains(q)
        return [row.id for row in ArticleRow.select(ArticleRow.id).where(whole).limit(limit)]
    return [row_id for row_id, _score in search.ranked("article", terms, limit)]


@db.reading
def view(actor: Actor, article_id: int) -> ArticleView:
    """One article; NotFound `article.not_found`, also for a draft of which the reader may not know."""
    require(actor, Action.ARTICLE_READ)
    return _view(_readable(actor, article_id))


def _readable(actor: Actor, article_id: int) -> Any:
    row = rows.get(ArticleRow, article_id, "article")
    if row.state != "published" and not may(actor, Action.ARTICLE_EDIT):
        row = rows.get(ArticleRow, -1, "article")
    return row


@db.reading
def for_reporters(q: str, limit: int = 3) -> list[ArticleView]:
    """What a person who is about to report might try first: published for reporters, alike enough. No log-in."""
    terms = list(words.telling(q[:_READ_CHARS]))
    ids = _candidates("article", terms) if terms and search.mark() is not None else []
    if not ids:
        return []
    open_to_all = (ArticleRow.state == "published") & (ArticleRow.audience == "reporters")
    found = ArticleRow.select().where(ArticleRow.id.in_(ids), open_to_all)
    scored = [(words.likeness(q, f"{row.title}\n{row.symptom}"), row) for row in found]
    best = sorted((pair for pair in scored if pair[0] >= LEAST_LIKENESS), key=lambda pair: -pair[0])
    return [_view(row) for _score, row in best[:limit]]


# ---------------------------------------------------------------- writing


@db.transaction
def create(actor: Actor, new: SaveArticle, *, now: datetime, ticket_id: int | None = None) -> ArticleView:
    """Add an article under the next number; with `ticket_id` as what that finished ticket taught."""
    require(actor, Action.ARTICLE_EDIT)
    if ticket_id is not None:
        draft_of(actor, ticket_id)
    number = f"K-{numbers.next_number('article'):05d}"
    row = ArticleRow.create(
        number=number, author=actor.id if actor.kind == "person" else None, source_ticket=ticket_id,
        created_at=now, updated_at=now, **new.model_dump(exclude={"version"}),
    )  # fmt: skip
    journal.write(actor, "article.created", "article", row.id, now, number=number, title=row.title)
    return _view(row)


@db.transaction
def save(actor: Actor, article_id: int, new: SaveArticle, *, now: datetime) -> ArticleView:
    """Change an article; Conflict `article.changed` when somebody else did meanwhile."""
    require(actor, Action.ARTICLE_EDIT)
    row = rows.lock(ArticleRow, article_id, "article", new.version)
    changed = rows.change(row, **new.model_dump(exclude={"version"}))
    if changed:
        row.updated_at = now
        row.save()
        journal.write(
            actor,
            "article.edited",
            "article",
            row.id,
            now,
            number=row.number,
            title=row.title,
            changed=changed,
        )
    return _view(row)


@db.reading
def draft_of(actor: Actor, ticket_id: int) -> SaveArticle:
    """A finished ticket as an article to look over and save. Conflict `article.ticket_open` while it is worked on."""
    require(actor, Action.ARTICLE_EDIT)
    ticket = _ticket(actor, ticket_id)
    if workflow.State(ticket.state) not in workflow.DONE:
        raise Conflict("article.ticket_open", f"{ticket.number} is {ticket.state}", number=ticket.number)
    return SaveArticle(
        title=ticket.title,
        symptom=ticket.description,
        remedy=ticket.resolution,
        category=ticket.asset.category if ticket.asset_id is not None else "",
        failure_mode=ticket.failure_mode,
        failure_cause=ticket.failure_cause,
        failure_remedy=ticket.failure_remedy,
        state="published",
    )


@db.transaction
def helped(actor: Actor, article_id: int, ticket_id: int, *, now: datetime) -> ArticleView:
    """Say that an article helped with a ticket; the second time is harmless."""
    require(actor, Action.ARTICLE_READ)
    ticket = _ticket(actor, ticket_id)
    require(actor, Action.TICKET_NOTE, ticket_states.owned(ticket, Action.TICKET_NOTE))
    article = _readable(actor, article_id)
    known = ArticleUseRow.get_or_none(ArticleUseRow.article == article.id, ArticleUseRow.ticket == ticket.id)
    if known is None:
        ArticleUseRow.create(
            article=article.id, ticket=ticket.id, at=now, person=actor.id if actor.kind == "person" else None
        )
        journal.write(
            actor, "ticket.article_helped", "ticket", ticket.id, now, ticket.id,
            number=ticket.number, article=article.number, article_title=article.title,
        )  # fmt: skip
    return _view(article)


# ---------------------------------------------------------------- suggestions


@db.reading
def suggestions(actor: Actor, ticket_id: int) -> Suggestions:
    """Articles and resolved tickets that speak of the same, each with its number; none when nothing is alike."""
    require(actor, Action.ARTICLE_READ)
    ticket = _ticket(actor, ticket_id)
    text = f"{ticket.title}\n{ticket.description}"
    looked_at = ArticleRow.select().where(ArticleRow.state == "published").count()
    looked_at += TicketRow.select().where(TicketRow.state.in_(sorted(workflow.DONE))).count()
    terms = list(words.telling(text))
    if search.mark() is None or not terms:
        return Suggestions(items=[], looked_at=looked_at)
    found = _alike_articles(ticket, text, terms) + _alike_tickets(actor, ticket, text, terms)
    found.sort(key=_weight, reverse=True)
    return Suggestions(items=found[:_SHOWN], looked_at=looked_at)


def _weight(item: Suggestion) -> float:
    """An article was written to help; the same machine and the same failure speak louder than words."""
    weight = item.likeness + 0.15 * item.same_asset + 0.05 * item.same_category + 0.15 * item.same_failure
    return weight + (0.1 if item.kind == "article" else 0.0) + min(item.uses, 10) * 0.01


def _candidates(kind: str, terms: Sequence[str]) -> list[int]:
    rare = search.rarest(kind, terms, 8)
    return [row_id for row_id, _score in search.ranked(kind, rare, _CANDIDATES, every=False)]


def _alike_articles(ticket: Any, text: str, terms: Sequence[str]) -> list[Suggestion]:
    ids = _candidates("article", terms)
    if not ids:
        return []
    category = ticket.asset.category if ticket.asset_id is not None else ""
    found = list(ArticleRow.select().where(ArticleRow.id.in_(ids), ArticleRow.state == "published"))
    uses = _uses([row.id for row in found])
    items = [
        Suggestion(
            kind="article",
            id=row.id,
            number=row.number,
            title=row.title,
            text=row.remedy[:_TEXT_CHARS],
            likeness=words.likeness(text, f"{row.title}\n{row.symptom}"),
            same_category=bool(category) and row.category == category,
            same_failure=bool(ticket.failure_mode) and row.failure_mode == ticket.failure_mode,
            uses=uses.get(row.id, 0),
        )
        for row in found
    ]
    return [item for item in items if item.likeness >= LEAST_LIKENESS]


def _alike_tickets(actor: Actor, ticket: Any, text: str, terms: Sequence[str]) -> list[Suggestion]:
    ids = _candidates("ticket", terms)
    query = _joined().where(
        TicketRow.id.in_(ids),
        TicketRow.id != ticket.id,
        TicketRow.state.in_(sorted(workflow.DONE)),
        TicketRow.resolution != "",
    )
    limits = ticket_rows.visible(actor)
    if limits is not None:
        query = query.where(limits)
    category = ticket.asset.category if ticket.asset_id is not None else ""
    items = [
        Suggestion(
            kind="ticket",
            id=row.id,
            number=row.number,
            title=row.title,
            text=row.resolution[:_TEXT_CHARS],
            likeness=words.likeness(text, f"{row.title}\n{row.description}"),
            same_asset=ticket.asset_id is not None and row.asset_id == ticket.asset_id,
            same_category=bool(category) and row.asset_id is not None and row.asset.category == category,
            same_failure=bool(ticket.failure_mode) and row.failure_mode == ticket.failure_mode,
            resolved_at=row.resolved_at,
        )
        for row in (query if ids else ())
    ]
    return [item for item in items if item.likeness >= LEAST_LIKENESS]


def _joined() -> Any:
    return TicketRow.select(TicketRow, AssetRow).join(
        AssetRow, JOIN.LEFT_OUTER, on=(TicketRow.asset == AssetRow.id)
    )


def _ticket(actor: Actor, ticket_id: int) -> Any:
    """A ticket that the actor may see, with its asset."""
    query = _joined().where(TicketRow.id == ticket_id)
    limits = ticket_rows.visible(actor)
    row = (query if limits is None else query.where(limits)).first()
    return row if row is not None else rows.get(TicketRow, -1, "ticket")


# ---------------------------------------------------------------- views


def _uses(ids: Sequence[int]) -> dict[int, int]:
    if not ids:
        return {}
    query = ArticleUseRow.select(ArticleUseRow.article, fn.COUNT(ArticleUseRow.id)).where(
        ArticleUseRow.article.in_(list(ids))
    )
    counts: Any = query.group_by(ArticleUseRow.article).tuples()
    return {int(article): int(count) for article, count in counts}


def _lines(found: Sequence[Any]) -> list[ArticleLine]:
    uses = _uses([row.id for row in found])
    return [ArticleLine(**_line(row, uses.get(row.id, 0))) for row in found]


def _line(row: Any, uses: int) -> dict[str, Any]:
    named = ("id", "version", "number", "title", "category", "audience", "state", "updated_at")
    return {name: getattr(row, name) for name in named} | {"uses": uses}


def _view(row: Any) -> ArticleView:
    texts = ("symptom", "cause", "remedy", "failure_mode", "failure_cause", "failure_remedy", "created_at")
    author = None if row.author_id is None else PersonRow.get_or_none(PersonRow.id == row.author_id)
    ticket = row.source_ticket
    return ArticleView(
        **_line(row, _uses([row.id]).get(row.id, 0)),
        **{name: getattr(row, name) for name in texts},
        author="" if author is None else author.name,
        source_ticket=None if ticket is None else Ref(id=ticket.id, name=ticket.title, number=ticket.number),
    )
