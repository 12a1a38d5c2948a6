"""The knowledge base, as the API tells and asks it: articles, and what may help with a ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from core.wire.base import Ref, Request, Title, View

ArticleState = Literal["draft", "published", "retired"]
Audience = Literal["staff", "reporters"]


class ArticleLine(View):
    """An article in a list."""

    id: int
    version: int
    number: str
    title: str
    category: str
    audience: Audience
    state: ArticleState
    uses: int = Field(description="Tickets that it helped with.")
    updated_at: datetime


class ArticleView(ArticleLine):
    symptom: str
    cause: str
    remedy: str
    failure_mode: str
    failure_cause: str
    failure_remedy: str
    author: str
    source_ticket: Ref | None
    created_at: datetime


class SaveArticle(Request):
    version: int | None = None
    title: Title
    symptom: str = Field("", max_length=8000)
    cause: str = Field("", max_length=8000)
    remedy: str = Field("", max_length=8000)
    category: str = Field("", max_length=100, description="Asset category; empty: for all.")
    failure_mode: str = Field("", max_length=20)
    failure_cause: str = Field("", max_length=20)
    failure_remedy: str = Field("", max_length=20)
    audience: Audience = Field("staff", description="reporters: also shown to whoever reports by a label.")
    state: ArticleState = "draft"


class Suggestion(View):
    """Something that helped before, with its number and why it is shown."""

    kind: Literal["article", "ticket"]
    id: int
    number: str
    title: str
    text: str = Field(description="The remedy, or how the ticket was resolved; its beginning.")
    likeness: float = Field(description="0 to 1: how much of the words both share.")
    same_asset: bool = False
    same_category: bool = False
    same_failure: bool = False
    uses: int = 0
    resolved_at: datetime | None = None


class Suggestions(View):
    """The best first; empty means that nothing similar is known."""

    items: list[Suggestion]
    looked_at: int = Field(description="Articles and resolved tickets there are to look at.")
