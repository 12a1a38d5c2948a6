"""Events of a replay taken in by the hub's own services, in the recording's time: which tickets they make.

As soon as an alarm has cleared, the ticket is resolved; so a raise within a day reopens it, a later one makes another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.domain.people import SYSTEM, Role
from core.domain.workflow import OPEN
from core.services import assets, fleet, ingest, people, settings, tickets
from core.settings import HubSettings
from core.storage import db, migrate
from core.storage.tables import AlarmRow, TicketRow
from core.wire.assets import SaveAsset
from core.wire.fleet import SaveEdge
from core.wire.people import SavePerson
from core.wire.tickets import AssignTicket, MoveTicket
from core.wire.uplink import AlarmCleared, UplinkBatch, UplinkEvent
from edge_agent.replay import Ticket


def hub_tickets(events: Sequence[UplinkEvent], edge: str, asset: str, folder: Path) -> list[Ticket]:
    """The tickets of a fresh hub in `folder` after all `events` of `edge`, by the time they were opened."""
    settings.use(HubSettings(data_dir=folder))
    database = db.open_database("", folder / "hub.db")
    try:
        migrate.up(database, folder / "backups")
        begun = events[0].at
        assets.create(SYSTEM, SaveAsset(number=asset, name="Machine"), now=begun)
        fleet.create_edge(SYSTEM, SaveEdge(name=edge, edge_id=edge), now=begun)
        someone = SavePerson(name="Somebody", login="somebody", roles=[Role.TECHNICIAN])
        person_id = people.create_person(SYSTEM, someone, now=begun).id
        for event in events:
            batch = UplinkBatch(edge=edge, epoch="0" * 32, sent_at=event.at, events=[event])
            ack = ingest.accept(edge, batch, now=event.at)
            if ack.through != event.seq or ack.rejected:
                raise AssertionError(f"the hub did not take event {event.seq}: {ack}")
            if isinstance(event.body, AlarmCleared):
                _resolve(person_id, event)
        return _made()
    finally:
        db.close()


def _resolve(person_id: int, event: UplinkEvent) -> None:
    for row in TicketRow.select().where(TicketRow.state.in_(list(OPEN))):
        if AlarmRow.select().where(AlarmRow.ticket == row, AlarmRow.active).exists():
            continue
        tickets.assign(SYSTEM, row.id, AssignTicket(person_id=person_id), now=event.at)
        tickets.move(SYSTEM, row.id, MoveTicket(move="start"), now=event.at)
        tickets.move(SYSTEM, row.id, MoveTicket(move="resolve", resolution="mended"), now=event.at)


def _made() -> list[Ticket]:
    made = []
    for row in TicketRow.select().order_by(TicketRow.id):
        rule = AlarmRow.get(AlarmRow.key == row.dedup_key).rule_key
        made.append(Ticket(rule, row.failed_at, row.resolved_at, row.occurrences))
    return made
