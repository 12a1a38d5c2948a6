"""Takes away what nobody needs any more; tickets, alarms and the journal stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.storage import db
from core.storage.tables import (
    DeadLetterRow,
    JobRunRow,
    JoinCodeRow,
    JournalRow,
    LoginFailureRow,
    NoticeRow,
    SessionRow,
    UplinkEventRow,
    WebhookCallRow,
)

EVENTS = timedelta(days=30)  # an edge sends nothing again after 3 days
LETTERS = timedelta(days=180)
NOTICES = timedelta(days=90)
JOB_RUNS = timedelta(days=400)
MOST_AT_ONCE = 5000


def clean(now: datetime) -> int:
    """Delete what has served, in small transactions; return how many rows."""
    gone = 0
    for model, condition in (
        (UplinkEventRow, UplinkEventRow.applied_at < now - EVENTS),
        (DeadLetterRow, DeadLetterRow.settled_at < now - LETTERS),
        (NoticeRow, NoticeRow.next_try_at.is_null() & (NoticeRow.created_at < now - NOTICES)),
        (WebhookCallRow, WebhookCallRow.next_try_at.is_null() & (WebhookCallRow.journal_id.in_(_old(now)))),
        (JobRunRow, JobRunRow.at < now - JOB_RUNS),
        (SessionRow, SessionRow.expires_at < now),
        (JoinCodeRow, JoinCodeRow.expires_at < now - timedelta(days=1)),
        (LoginFailureRow, LoginFailureRow.last_at < now - timedelta(days=1)),
    ):
        while True:
            deleted = _delete(model, condition)
            gone += deleted
            if deleted < MOST_AT_ONCE:
                break
    return gone


def _old(now: datetime) -> Any:
    """Entries of the journal whose calls nobody looks at any more."""
    return JournalRow.select(JournalRow.id).where(JournalRow.at < now - NOTICES)


@db.transaction
def _delete(model: type, condition: object) -> int:
    table: type[UplinkEventRow] = model
    ids = table.select(table.id).where(condition).limit(MOST_AT_ONCE)
    return int(table.delete().where(table.id.in_(list(row.id for row in ids))).execute())
