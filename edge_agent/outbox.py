"""What must not be lost: events under gap-free numbers, alarm states and open charts, in one SQLite file.

An event and the alarm state it comes from are one transaction with synchronous=FULL. Events are marked when the
hub has acknowledged them and deleted later, so that a hub restored from a backup can have them again. Knows no
network; used from one thread at a time.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core import __version__, log
from core.wire.uplink import MAX_EVENT_BYTES, Born, Event, UplinkEvent, Voided
from edge_agent.ballast import Ballast

_log = log.get(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, acked_at REAL);
CREATE INDEX IF NOT EXISTS events_acked ON events (acked_at) WHERE acked_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS states (rule TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS charts (occurrence TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass
class Batch:
    """What one scan decided: committed whole or not at all. A None takes the state or chart away."""

    events: list[Event] = field(default_factory=list)
    states: dict[str, Mapping[str, object] | None] = field(default_factory=dict)
    charts: dict[str, Mapping[str, object] | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.events or self.states or self.charts)


class Outbox:
    """The file `outbox.db`. Opening makes it if needed; a file that is not readable is set aside, not deleted."""

    def __init__(self, path: Path, edge: str, now: datetime) -> None:
        self._path = path
        self._ballast = Ballast(path.with_name("ballast.bin"))
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # locked, full, not allowed: the file may be well
            aside = path.with_name(f"{path.name}.broken-{now:%Y%m%dT%H%M%S}")
            _log.error("outbox is damaged, set aside", file=str(path), aside=str(aside), reason=str(error))
            for suffix in ("", "-wal", "-shm"):
                damaged = path.with_name(path.name + suffix)
                if damaged.exists():
                    damaged.rename(aside.with_name(aside.name + suffix))
            self._db = self._open()
        if self._meta("edge") != edge or not self._meta("epoch"):
            self.new_epoch(edge, "new", [], now)
        self._ballast.take()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            if os.name == "posix":
                self._path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA journal_size_limit=4194304")
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the file; all that was committed is in it."""
        self._db.close()

    # -- writing

    def commit(self, batches: Sequence[Batch], now: datetime) -> int:
        """Store batches in one transaction; the last sequence number given out."""
        with self._transaction():
            last = self.last_seq
            for batch in batches:
                for event in batch.events:
                    last += 1
                    self._insert(last, event, now)
                self._replace("states", "rule", batch.states)
                self._replace("charts", "occurrence", batch.charts)
            self._set("last_seq", str(last))
        return last

    def new_epoch(self, edge: str, reason: str, active: Sequence[str], now: datetime) -> None:
        """Begin counting anew: first the list of what is active, then all that was not acknowledged.

        What belongs to another joined edge (a login that changed) goes with the old epoch; what a stand-alone
        edge has gathered is kept for its first hub.
        """
        with self._transaction():
            kept: list[str] = []
            if self._meta("edge") == edge or not self._meta("hub_epoch"):
                kept = [
                    body
                    for (body,) in self._db.execute(
                        "SELECT body FROM events WHERE acked_at IS NULL ORDER BY seq"
                    )
                ]
            self._db.execute("DELETE FROM events")
            self._set("edge", edge)
            self._set("epoch", secrets.token_hex(16))
            self._insert(
                1,
                Born(
                    reason="ordered" if reason == "ordered" else "new",
                    active=list(active),
                    agent_version=__version__,
                ),
                now,
            )
            seq = 1
            for body in kept:
                event = UplinkEvent.model_validate_json(body)
                if not isinstance(event.body, Born):
                    seq += 1
                    self._insert(seq, event.body, event.at)
            for key, value in (("began_at", now.isoformat()), ("last_seq", str(seq)), ("acked", "0")):
                self._set(key, value)

    def ack(self, through: int, now: datetime) -> None:
        """Mark events up to `through` as committed in the hub."""
        with self._transaction():
            self._db.execute(
                "UPDATE events SET acked_at=? WHERE seq>? AND seq<=? AND acked_at IS NULL",
                (now.timestamp(), self.acked, through),
            )
            self._set("acked", str(max(through, self.acked)))

    def replay_after(self, through: int, hub_epoch: str) -> None:
        """The hub has been restored and knows events up to `through`: all later ones are wanted again."""
        with self._transaction():
            self._db.execute("UPDATE events SET acked_at=NULL WHERE seq>?", (through,))
            self._set("acked", str(through))
            self._set("hub_epoch", hub_epoch)

    def remember_hub(self, hub_epoch: str) -> None:
        """Note which hub database acknowledges."""
        with self._transaction():
            self._set("hub_epoch", hub_epoch)

    def tidy(self, now: datetime, keep_acked_h: int, quota_bytes: int) -> int:
        """Delete what has been acknowledged long enough; over the quota also the rest of it, oldest first, then
        unacknowledged charts (each leaves a Voided in its place). Alarms stay whatever happens. Events dropped."""
        with self._transaction():
            dropped = self._db.execute(
                "DELETE FROM events WHERE acked_at IS NOT NULL AND acked_at<?",
                (now.timestamp() - keep_acked_h * 3600,),
            ).rowcount
        while self.used_bytes() > quota_bytes:
            with self._transaction():
                freed = self._db.execute(
                    "DELETE FROM events WHERE seq IN"
                    " (SELECT seq FROM events WHERE acked_at IS NOT NULL ORDER BY seq LIMIT 1000)"
                ).rowcount
                if not freed:
                    charts = self._db.execute(
                        "SELECT seq FROM events WHERE kind='chart_frozen' AND acked_at IS NULL ORDER BY seq LIMIT 100"
                    ).fetchall()
                    for (seq,) in charts:
                        self._insert(
                            seq, Voided(reason="chart dropped: the edge's disk quota is used up"), now
                        )
                    freed = len(charts)
            dropped += freed
            if not freed:
                break
        self._ballast.take()
        return dropped

    def relieve(self, error: sqlite3.OperationalError, now: datetime) -> bool:
        """After a commit failed with `error`: where the disk is full give the ballast up, and with that room delete
        what the hub has. Whether it is worth trying again at once."""
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return False
        if not self._ballast.give_up():
            return False
        try:
            with self._transaction():
                self._db.execute("DELETE FROM events WHERE acked_at IS NOT NULL")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as again:
            _log.error("nothing can be deleted either", reason=str(again))
        return True

    # -- reading

    @property
    def epoch(self) -> str:
        return self._meta("epoch")

    @property
    def edge(self) -> str:
        return self._meta("edge")

    @property
    def hub_epoch(self) -> str:
        return self._meta("hub_epoch")

    @property
    def last_seq(self) -> int:
        return int(self._meta("last_seq") or 0)

    @property
    def acked(self) -> int:
        return int(self._meta("acked") or 0)

    def between(self, first: int, last: int, most: int, most_bytes: int) -> list[tuple[int, str]]:
        """(seq, UplinkEvent as JSON) from `first` to `last`, at most `most` and about `most_bytes`, gap-free:
        what is gone stands there as Voided, in the same words each time, or it would be taken for a conflict."""
        gone, began_at = (
            Voided(reason="no longer kept by the edge"),
            datetime.fromisoformat(self._meta("began_at")),
        )
        last = min(last, self.last_seq, first + most - 1)
        rows: dict[int, str] = dict(
            self._db.execute(
                "SELECT seq, body FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
            )
        )
        found: list[tuple[int, str]] = []
        size = 0
        for seq in range(first, last + 1):
            body = rows.get(seq)
            if body is None:
                body = UplinkEvent(seq=seq, at=began_at, body=gone).model_dump_json()
            size += len(body)
            if found and size > most_bytes:
                break
            found.append((seq, body))
        return found

    def states(self) -> dict[str, dict[str, object]]:
        """Alarm states by rule, as they were committed."""
        return {rule: json.loads(body) for rule, body in self._db.execute("SELECT rule, body FROM states")}

    def charts(self) -> dict[str, dict[str, object]]:
        """Charts that were being recorded, by occurrence."""
        return {
            key: json.loads(body) for key, body in self._db.execute("SELECT occurrence, body FROM charts")
        }

    def depth(self) -> int:
        """Events that the hub has not acknowledged."""
        return self.last_seq - self.acked

    def used_bytes(self) -> int:
        """Disk that the events take; freed pages do not count, they are used again."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._db.execute("PRAGMA page_size").fetchone()
        return int(pages - free) * int(size)

    # -- inside a transaction

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have rolled back already
                self._db.execute("ROLLBACK")
            raise

    def _insert(self, seq: int, event: Event, at: datetime) -> None:
        body = UplinkEvent(seq=seq, at=at, body=event).model_dump_json()
        if len(body.encode()) > MAX_EVENT_BYTES:
            _log.error("event too large, voided", seq=seq, kind=event.kind, bytes=len(body))
            event = Voided(reason=f"{event.kind} larger than {MAX_EVENT_BYTES} bytes")
            body = UplinkEvent(seq=seq, at=at, body=event).model_dump_json()
        self._db.execute(
            "INSERT OR REPLACE INTO events (seq, kind, body, acked_at) VALUES (?, ?, ?, NULL)",
            (seq, event.kind, body),
        )

    def _replace(self, table: str, key: str, rows: Mapping[str, Mapping[str, object] | None]) -> None:
        for name, body in rows.items():
            if body is None:
                self._db.execute(f"DELETE FROM {table} WHERE {key}=?", (name,))
            else:
                self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (name, json.dumps(body)))

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return row[0] if row else ""

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
