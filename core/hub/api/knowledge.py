"""Doors of the knowledge base."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.hub.auth import SignedIn, clock
from core.services import knowledge
from core.wire.knowledge import ArticleLine, ArticleState, ArticleView, SaveArticle, Suggestions

router = APIRouter(tags=["knowledge"])


@router.get("/articles")
def list_articles(
    actor: SignedIn,
    q: Annotated[str, Query(max_length=200)] = "",
    category: Annotated[str | None, Query(max_length=100)] = None,
    state: ArticleState | None = None,
) -> list[ArticleLine]:
    """Articles, the newest change first; with `q` the best match first."""
    return knowledge.listed(actor, q=q, category=category, state=state)


@router.post("/articles", status_code=201)
def create_article(actor: SignedIn, body: SaveArticle) -> ArticleView:
    """A new article."""
    return knowledge.create(actor, body, now=clock())


@router.get("/articles/{article_id}")
def get_article(actor: SignedIn, article_id: int) -> ArticleView:
    """One article."""
    return knowledge.view(actor, article_id)


@router.put("/articles/{article_id}")
def save_article(actor: SignedIn, article_id: int, body: SaveArticle) -> ArticleView:
    """Change an article."""
    return knowledge.save(actor, article_id, body, now=clock())


@router.get("/tickets/{ticket_id}/suggestions")
def suggest(actor: SignedIn, ticket_id: int) -> Suggestions:
    """What helped before with something alike; an empty list says that nothing similar is known."""
    return knowledge.suggestions(actor, ticket_id)


@router.get("/tickets/{ticket_id}/article-draft")
def draft(actor: SignedIn, ticket_id: int) -> SaveArticle:
    """A finished ticket as an article to look over and save."""
    return knowledge.draft_of(actor, ticket_id)


@router.post("/tickets/{ticket_id}/article", status_code=201)
def create_from_ticket(actor: SignedIn, ticket_id: int, body: SaveArticle) -> ArticleView:
    """Save the article that a ticket became."""
    return knowledge.create(actor, body, now=clock(), ticket_id=ticket_id)


@router.post("/tickets/{ticket_id}/articles/{article_id}/helped")
def helped(actor: SignedIn, ticket_id: int, article_id: int) -> ArticleView:
    """Say that an article helped with a ticket."""
    return knowledge.helped(actor, article_id, ticket_id, now=clock())
