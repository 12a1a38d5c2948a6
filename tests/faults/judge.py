"""Compares what the hub has with the edge's own ledger, and names every difference: I1 to I4 of the plan.

The ledger is written by a trigger inside the edge's transactions; it is read into memory here, so that a damaged or
exchanged outbox cannot take the truth with it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from core.wire.uplink import UplinkEvent, digest
from tests.faults.rig import Rig

Key = tuple[str, int]
DRAIN_S = 30.0  # I7: back to work without a human
_CONTENT = ("alarm_raised", "alarm_cleared", "chart_frozen")


def _moment(micros: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return at.isoformat().replace("+00:00", "Z")


class Difference(AssertionError):
    """The hub and the ledger do not agree."""


class Judge:
    """Keeps the truth of one rig over many rounds."""

    def __init__(self, rig: Rig, patience_s: float = DRAIN_S) -> None:
        self._rig, self._patience_s = rig, patience_s
        self.ledger: dict[Key, str] = {}
        self.epochs: list[str] = []
        self.open: dict[str, str] = {}  # occurrence by rule, as a replay of the ledger has it
        self.faults: list[str] = []
        self._bodies: dict[Key, dict[str, Any]] = {}
        self._read = 0
        self._digests: dict[Key, str] = {}
        self.lost: set[Key] = set()  # what a damaged disk took: nobody can have it
        self.posted: dict[str, int] = {}  # request id → ticket, of those that the hub said yes to
        self.seen: set[tuple[int, str]] = set()  # alarms that somebody has acknowledged, and when
        self.events = self.checks = 0
        self.slowest_s = 0.0

    # -- the truth

    def read_ledger(self) -> None:
        """Take over what the edge has committed since the last time."""
        rows = self._rig.of_edge("SELECT n, epoch, seq, body FROM ledger WHERE n > ? ORDER BY n", self._read)
        for n, epoch, seq, text in rows:
            self._read = n
            if epoch not in self.epochs:
                self.epochs.append(epoch)
            key = (epoch, seq)
            if key in self.ledger:
                if self.ledger[key] != text and '"voided"' not in text:
                    raise Difference(f"I1: the edge gave out number {seq} of {epoch[:8]} twice")
                if self.ledger[key] == text:
                    continue  # an older copy of the file, which has this one, too
            self.ledger[key] = text
            self._digests.pop(key, None)
            body = self._bodies[key] = json.loads(text)["body"]
            self._replay(body)

    def _replay(self, body: dict[str, Any]) -> None:
        if body["kind"] == "alarm_raised":
            before = self.open.get(body["rule"], body["occurrence"])
            if before != body["occurrence"]:
                self.faults.append(f"I2: {body['rule']} was raised again before {before} was over")
            self.open[body["rule"]] = body["occurrence"]
        elif body["kind"] == "alarm_cleared" and self.open.get(body["rule"]) == body["occurrence"]:
            del self.open[body["rule"]]
        elif body["kind"] == "born":
            listed = set(body["active"])
            self.open = {rule: one for rule, one in self.open.items() if one in listed}

    def new_file(self, lost: set[Key]) -> None:
        """The outbox has been set aside or put back, and these events are gone with it; it is read from the start."""
        self._read = 0
        self.lost |= lost
        for key in lost:
            self._bodies.pop(key, None)
        self.replayed()

    def replayed(self) -> dict[str, str]:
        """The open occurrence of each rule, from all that is left of the ledger."""
        self.open = {}
        order = {epoch: number for number, epoch in enumerate(self.epochs)}
        for key in sorted(self._bodies, key=lambda one: (order[one[0]], one[1])):
            self._replay(self._bodies[key])
        return self.open

    def digest(self, key: Key) -> str:
        """Of an event in the ledger, as both sides make it."""
        if key not in self._digests:
            self._digests[key] = digest(UplinkEvent.model_validate_json(self.ledger[key]))
        return self._digests[key]

    # -- at any moment

    def acknowledged_is_kept(self) -> None:
        """I4: what the edge believes to be safe is in the hub's database, now, whoever has just been killed."""
        try:
            (row,) = self._rig.of_edge(
                "SELECT (SELECT value FROM meta WHERE key='epoch'), (SELECT value FROM meta WHERE key='acked')"
            )
        except sqlite3.OperationalError:
            return  # it has none yet
        epoch, acked = row[0], int(row[1] or 0)
        if not acked:
            return
        (count,) = self._rig.of_hub(
            "SELECT count(DISTINCT seq) FROM uplink_event_row"
            " WHERE epoch = ? AND seq <= ? AND applied_at IS NOT NULL",
            epoch, acked,
        )[0]  # fmt: skip
        if count != acked:
            raise Difference(f"I4: the edge has {acked} acknowledged of {epoch[:8]}, the hub has {count}")

    # -- once all is quiet

    def wait_drained(self, also_in_hub: bool = False) -> float:
        """Wait until the edge has an acknowledgement of all, and a word on the last switch of each coil; how long.

        `also_in_hub`: acknowledged it was before; wait until the hub has it again.
        """
        began = time.monotonic()
        state = "nothing"
        while time.monotonic() - began < self._patience_s:
            try:
                self.read_ledger()
                state = self._not_drained() or (self._not_in_hub() if also_in_hub else "")
            except (sqlite3.OperationalError, OSError) as error:
                state = repr(error)
            except Difference:
                raise
            except Exception as error:  # noqa: BLE001 - PostgreSQL is away for a moment
                state = repr(error)
            if not state:
                took = time.monotonic() - began
                self.slowest_s = max(self.slowest_s, took)
                return took
            time.sleep(0.02)
        raise Difference(f"I7: not back to work within {self._patience_s:g} s: {state}")

    def _not_drained(self) -> str:
        if not self.epochs:
            return "no events"
        epoch = self.epochs[-1]
        last = max(seq for known, seq in self.ledger if known == epoch)
        (row,) = self._rig.of_edge(
            "SELECT (SELECT value FROM meta WHERE key='epoch'), (SELECT value FROM meta WHERE key='acked')"
        )
        if row[0] != epoch:
            return f"the outbox is at {row[0][:8]}, the ledger at {epoch[:8]}"
        if self.open.keys() != {f"r{n}" for n, on in enumerate(self._rig.coils) if on}:
            return "the edge has not decided on the last switches"
        if int(row[1]) < last:
            return f"{row[1]} of {last} acknowledged"
        return ""

    def _not_in_hub(self) -> str:
        epoch = self.epochs[-1]
        last = max(seq for known, seq in self.ledger if known == epoch)
        (row,) = self._rig.of_hub(
            "SELECT count(*) FROM uplink_event_row WHERE epoch = ? AND applied_at IS NOT NULL", epoch
        )
        return "" if row[0] >= last else f"I1: the hub has {row[0]} of {last} events"

    def check(self) -> None:
        """Compare everything; Difference names what is wrong. The hub must have drained."""
        self.checks += 1
        wrong = list(self.faults)
        self._events(wrong)
        self._alarms(wrong)
        self._posts(wrong)
        if wrong:
            raise Difference("\n  ".join(["the hub differs from the ledger:", *wrong[:20]]))
        self.events = len(self.ledger)

    def _events(self, wrong: list[str]) -> None:
        """I1: each event exactly once, with the same content, applied, or as an explicit VOID."""
        rows = self._rig.of_hub("SELECT epoch, seq, digest, kind, applied_at FROM uplink_event_row")
        for key, count in Counter((epoch, seq) for epoch, seq, *_ in rows).items():
            if count > 1:
                wrong.append(f"I1: {key[0][:8]}/{key[1]} is {count} times in the hub")
        had = {(epoch, seq): (made, kind, applied) for epoch, seq, made, kind, applied in rows}
        for key in had.keys() - self.ledger.keys():
            if had[key][1] != "voided":
                wrong.append(f"I1: the hub has {key[0][:8]}/{key[1]}, which the edge never committed")
        contents = Counter(content for key in had for content in [self._content(key)] if content)
        now = self.epochs[-1]
        for key in self.ledger.keys() - self.lost:
            if key not in had:
                content = self._content(key)
                if key[0] == now or (content and not contents[content]):
                    wrong.append(f"I1: {key[0][:8]}/{key[1]} is lost: {self.ledger[key][:150]}")
                continue
            made, kind, applied = had[key]
            if made != self.digest(key) and kind != "voided":
                wrong.append(f"I1: {key[0][:8]}/{key[1]} came otherwise than it was committed")
            if applied is None and key[0] == now:
                wrong.append(f"I1: {key[0][:8]}/{key[1]} is kept but not applied")
        dead = self._rig.of_hub(
            "SELECT seq, code, detail FROM dead_letter_row WHERE code <> 'uplink.conflict'"
        )
        wrong += [f"I1: dead letter {row}" for row in dead]

    def _content(self, key: Key) -> tuple[str, str] | None:
        body = self._bodies.get(key, {})
        return (body["kind"], body["occurrence"]) if body.get("kind") in _CONTENT else None

    def _alarms(self, wrong: list[str]) -> None:
        """I2 and I3: raises, tickets and states as a replay of the ledger has them."""
        raises = {
            body["occurrence"]: body["rule"]
            for body in self._bodies.values()
            if body["kind"] == "alarm_raised"
        }
        known = self._rig.of_hub(
            "SELECT o.occurrence, a.rule_key, o.ticket_id, o.cleared_at FROM occurrence_row o"
            " JOIN alarm_row a ON a.id = o.alarm_id"
        )
        for name, count in Counter(row[0] for row in known).items():
            if count > 1:
                wrong.append(f"I2: occurrence {name} is {count} times in the hub")
        have = {row[0]: row for row in known}
        lost = {json.loads(self.ledger[key])["body"].get("occurrence") for key in self.lost}
        raised = Counter(row[1] for row in known)
        for name in raises.keys() - have.keys():
            wrong.append(f"I2: the raise {name} of {raises[name]} made no occurrence")
        for name in have.keys() - raises.keys() - lost:
            wrong.append(f"I2: the hub has a raise {name} that never was")
        still = set(self.open.values())
        for rule, active, count, state in self._rig.of_hub(
            "SELECT rule_key, active, count, state FROM alarm_row"
        ):
            if not rule.startswith("r"):
                continue
            if bool(active) != (rule in self.open):
                wrong.append(
                    f"I3: {rule} is {'active' if active else 'over'} in the hub, not at the edge ({state})"
                )
            if count != raised[rule]:
                wrong.append(f"I2: {rule} was raised {raised[rule]} times, the hub counted {count}")
        for name, row in have.items():
            if (row[3] is None) != (name in still) and row[1].startswith("r"):
                wrong.append(f"I3: occurrence {name} of {row[1]} is {'open' if row[3] is None else 'over'}")
            if row[2] is None:
                wrong.append(f"I2: the raise {name} has no ticket")
        doubled = self._rig.of_hub(
            "SELECT dedup_key, count(*) FROM ticket_row WHERE open_key IS NOT NULL GROUP BY dedup_key "
            " HAVING count(*) > 1"
        )
        wrong += [f"I2: {count} open tickets of {key}" for key, count in doubled]
        counted = self._rig.of_hub(
            "SELECT t.number, t.occurrences, count(o.id) FROM ticket_row t JOIN occurrence_row o ON o.ticket_id = t.id"
            " GROUP BY t.id, t.number, t.occurrences HAVING t.occurrences <> count(o.id)"
        )
        wrong += [f"I2: ticket {number} counts {told} raises, it has {has}" for number, told, has in counted]

    def _posts(self, wrong: list[str]) -> None:
        """I4 and I2 over HTTP: a yes survives, and asking again made no second ticket."""
        acked = self._rig.of_hub("SELECT subject_id, at FROM journal_row WHERE verb = 'alarm.acked'")
        for alarm, moment in self.seen - {(row[0], _moment(row[1])) for row in acked}:
            wrong.append(
                f"I4: alarm {alarm} was acknowledged at {moment}, the hub's journal has nothing of it"
            )
        rows = dict(self._rig.of_hub("SELECT request_id, id FROM ticket_row WHERE request_id IS NOT NULL"))
        for request, ticket in self.posted.items():
            if rows.get(request) != ticket:
                wrong.append(f"I4: ticket {ticket} was promised, the hub has {rows.get(request)}")
