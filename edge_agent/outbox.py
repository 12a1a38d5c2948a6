"""What must not be lost: events under gap-free numbers, alarm states and open charts, in one SQLite file.

An event and the alarm state it comes from are one transaction with synchronous=FULL. Events are marked when the
hub has acknowledged them and deleted later, so that a hub restored from a backup can have them again. Knows no
network; used from one thread at a time.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core import __version__, log
from core.i18n import _
from core.wire.uplink import (
    MAX_EVENT_BYTES,
    AlarmCleared,
    AlarmRaised,
    Born,
    Event,
    UplinkEvent,
    Voided,
)
from edge_agent import outbox_file
from edge_agent.ballast import Ballast

_log = log.get(__name__)
PRESSED = 0.8  # of the quota: from here on acknowledged events go early, and then the edge alarms
RELIEVED = 0.7
QUOTA_RULE = "outbox_quota"


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
        self._ballast = Ballast(path.with_name("ballast.bin"))
        saved: list[str] = []
        try:
            self._db = outbox_file.open_file(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # locked, full, not allowed: the file may be well
            aside = outbox_file.set_aside(path, now)
            saved = outbox_file.readable_events(aside, edge)
            _log.error(
                "outbox is damaged, set aside",
                file=str(path), aside=str(aside), reason=str(error), events_saved=len(saved),
            )  # fmt: skip
            self._db = outbox_file.open_file(path)
        if self._meta("edge") != edge or not self._meta("epoch"):
            self.new_epoch(edge, "new", [], now, saved)
        self._ballast.take()

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

    def new_epoch(
        self, edge: str, reason: str, active: Sequence[str], now: datetime, saved: Sequence[str] = ()
    ) -> None:
        """Begin counting anew: first the list of what is active, then all that was not acknowledged.

        What belongs to another joined edge (a login that changed) goes with the old epoch; what a stand-alone
        edge has gathered is kept for its first hub. `saved` comes from a damaged file, whose states are lost: after
        it the list is told once more, so that the raises among it end.
        """
        with self._transaction():
            kept = list(saved)
            if self._meta("edge") == edge or not self._meta("hub_epoch"):
                kept += [
                    body
                    for (body, crc) in self._db.execute(
                        "SELECT body, crc FROM events WHERE acked_at IS NULL ORDER BY seq"
                    )
                    if outbox_file.is_whole(body, crc)
                ]
            self._db.execute("DELETE FROM events")
            self._set("edge", edge)
            self._set("epoch", secrets.token_hex(16))
            born = Born(
                reason="ordered" if reason == "ordered" else "new",
                active=[*active, *filter(None, [self._meta(QUOTA_RULE)])],
                agent_version=__version__,
            )
            self._insert(1, born, now)
            seq = 1
            for body in kept:
                event = UplinkEvent.model_validate_json(body)
                if not isinstance(event.body, Born):
                    seq += 1
                    self._insert(seq, event.body, event.at)
            if saved:
                seq += 1
                self._insert(seq, born, now)
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
        """Delete what has been acknowledged long enough; near the quota also the rest of it, oldest first, then alarm;
        over it unacknowledged charts (each leaves a Voided in its place). Alarms stay whatever happens. Events dropped.
        """
        with self._transaction():
            dropped = self._db.execute(
                "DELETE FROM events WHERE acked_at IS NOT NULL AND acked_at<?",
                (now.timestamp() - keep_acked_h * 3600,),
            ).rowcount
        while self.used_bytes() > quota_bytes * PRESSED and (freed := self._drop_acked()):
            dropped += freed
        self._alarm_of_quota(self.used_bytes() / quota_bytes, now)
        while self.used_bytes() > quota_bytes and (freed := self._void_charts(now)):
            dropped += freed
        self._ballast.take()
        return dropped

    def _drop_acked(self) -> int:
        with self._transaction():
            return self._db.execute(
                "DELETE FROM events WHERE seq IN"
                " (SELECT seq FROM events WHERE acked_at IS NOT NULL ORDER BY seq LIMIT 1000)"
            ).rowcount

    def _void_charts(self, now: datetime) -> int:
        with self._transaction():
            charts = self._db.execute(
                "SELECT seq FROM events WHERE kind='chart_frozen' AND acked_at IS NULL ORDER BY seq LIMIT 100"
            ).fetchall()
            for (seq,) in charts:
                self._insert(seq, Voided(reason="chart dropped: the edge's disk quota is used up"), now)
        return len(charts)

    def _alarm_of_quota(self, share: float, now: datetime) -> None:
        """The edge's own alarm; it reaches the hub as soon as anything does."""
        occurrence = self._meta(QUOTA_RULE)
        if not occurrence and share >= PRESSED:
            _log.error("the outbox is nearly full", percent=round(share * 100))
            new = secrets.token_hex(16)
            raised = AlarmRaised(
                occurrence=new, rule=QUOTA_RULE, rule_name=_("Events of this edge wait: its disk is nearly full"),
                severity="major", value=round(share * 100, 1), limit=PRESSED * 100, unit="%", raised_at=now,
            )  # fmt: skip
            self._note_quota(raised, new, now)
        elif occurrence and share < RELIEVED:
            _log.info("the outbox has room again", percent=round(share * 100))
            cleared = AlarmCleared(
                occurrence=occurrence, rule=QUOTA_RULE, value=round(share * 100, 1), cleared_at=now
            )
            self._note_quota(cleared, "", now)

    def _note_quota(self, event: Event, occurrence: str, now: datetime) -> None:
        with self._transaction():
            seq = self.last_seq + 1
            self._insert(seq, event, now)
            self._set("last_seq", str(seq))
            self._set(QUOTA_RULE, occurrence)

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
        began_at = datetime.fromisoformat(self._meta("began_at"))
        last = min(last, self.last_seq, first + most - 1)
        rows: dict[int, tuple[str, int | None]] = {
            seq: (body, crc)
            for seq, body, crc in self._db.execute(
                "SELECT seq, body, crc FROM events WHERE seq BETWEEN ? AND ?", (first, last)
            )
        }
        found: list[tuple[int, str]] = []
        size = 0
        for seq in range(first, last + 1):
            body, crc = rows.get(seq, ("", None))
            if not body or not outbox_file.is_whole(body, crc):
                gone = Voided(reason="damaged on the edge's disk" if body else "no longer kept by the edge")
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
            "INSERT OR REPLACE INTO events (seq, kind, body, acked_at, crc) VALUES (?, ?, ?, NULL, ?)",
            (seq, event.kind, body, outbox_file.checksum(body)),
        )

    def _replace(self, table: str, key: str, rows: Mapping[str, Mapping[str, object] | None]) -> None:
        for name, body in rows.items():
            if body is None:
                self._db.execute(f"DELETE FROM {table} WHERE {key}=?", (name,))
            else:
                text = json.dumps(body)
                self._db.execute(
                    f"INSERT OR REPLACE INTO {table} ({key}, body, crc) VALUES (?, ?, ?)",
                    (name, text, outbox_file.checksum(text)),
                )

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return row[0] if row else ""

    def _set(self, key: str, value: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO meta (key, value, crc) VALUES (?, ?, ?)",
            (key, value, outbox_file.checksum(value)),
        )
