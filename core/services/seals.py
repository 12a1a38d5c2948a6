"""Seals the journal: each seal digests the one before and all rows since, so that no row changes or goes unnoticed.

The newest seal is kept in a second place too, a file beside the database, for whoever could rewrite the whole chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.storage import db
from core.storage.tables import JournalRow, JournalSealRow

FILE = "journal-seals.txt"
AT_ONCE = 500
_BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the whole chain found. `broken_after`: the last journal id that is still proved, when broken."""

    rows: int
    seals: int
    unsealed: int
    broken_after: int | None = None
    reason: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_after is None


def seal(now: datetime, data_dir: Path) -> int:
    """Seal what has been written since the last time; how many rows."""
    done = 0
    while (made := _seal_step(now)) is not None:
        last_id, rows, digest = made
        done += rows
        with (data_dir / FILE).open("a", encoding="utf-8") as file:
            file.write(f"{now.isoformat()} {last_id} {digest}\n")
        if rows < AT_ONCE:
            break
    return done


@db.transaction
def _seal_step(now: datetime) -> tuple[int, int, str] | None:
    if db.is_postgresql():
        db.database.execute_sql("SELECT pg_advisory_xact_lock(7460003)")
    last: Any = JournalSealRow.select().order_by(JournalSealRow.last_id.desc()).first()
    after, digest = (0, _BEGINNING) if last is None else (last.last_id, last.digest)
    rows = list(JournalRow.select().where(JournalRow.id > after).order_by(JournalRow.id).limit(AT_ONCE))
    if not rows:
        return None
    made = chained(digest, rows)
    JournalSealRow.create(last_id=rows[-1].id, rows=len(rows), digest=made, sealed_at=now)
    return int(rows[-1].id), len(rows), made


def chained(before: str, rows: Iterable[Any]) -> str:
    """SHA-256 over the seal before and the canonical JSON of each row."""
    digest = hashlib.sha256(before.encode())
    for row in rows:
        digest.update(_canonical(row))
    return digest.hexdigest()


def _canonical(row: Any) -> bytes:
    told = [
        row.id, row.at.isoformat(), row.actor, row.actor_name, row.verb, row.subject, row.subject_id,
        row.ticket_id, row.data,
    ]  # fmt: skip
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@db.reading
def verify(data_dir: Path | None = None) -> Verdict:
    """Reckon the whole chain anew, and compare it with the file when there is one."""
    rows, proved, digest, seals = 0, 0, _BEGINNING, 0
    for found in JournalSealRow.select().order_by(JournalSealRow.last_id):
        inside = list(
            JournalRow.select()
            .where(JournalRow.id > proved, JournalRow.id <= found.last_id)
            .order_by(JournalRow.id)
        )
        digest = chained(digest, inside)
        if len(inside) != found.rows:
            return Verdict(rows, seals, 0, proved, f"{found.rows} rows were sealed, {len(inside)} are there")
        if digest != found.digest:
            return Verdict(rows, seals, 0, proved, "a row has been changed")
        rows, seals, proved = rows + len(inside), seals + 1, found.last_id
    unsealed = JournalRow.select().where(JournalRow.id > proved).count()
    for last_id, kept in _kept(data_dir):
        known = JournalSealRow.get_or_none(JournalSealRow.last_id == last_id)
        if known is None or known.digest != kept:
            return Verdict(
                rows, seals, unsealed, 0, f"the file has another seal at {last_id} than the database"
            )
    return Verdict(rows, seals, unsealed)


def _kept(data_dir: Path | None) -> Iterator[tuple[int, str]]:
    """(journal id, digest) of each line of the file that is whole."""
    if data_dir is None or not (data_dir / FILE).exists():
        return
    for line in (data_dir / FILE).read_text(encoding="utf-8", errors="replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1].isdecimal() and len(parts[2]) == 64:
            yield int(parts[1]), parts[2]
