"""Twins of a ticket: proposed while one types, merged so that nobody is lost, split again; what a report tells."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.people import Actor
from core.errors import AppError, Conflict, Forbidden
from core.services import intake_reading, progress, search_index, ticket_links, ticket_views, tickets
from core.storage.tables import AlarmRow, AttachmentRow, FileRow, JournalRow, TicketRow
from core.wire.intake import ReadReport
from core.wire.tickets import AssignTicket, CreateTicket, SplitTicket
from tests.hub.conftest import NOW, Plant


def report(actor: Actor, title: str, **more: Any) -> TicketRow:
    new = CreateTicket(**{"type": "fault", "title": title} | more)
    return row(tickets.create(actor, new, now=NOW).id)


def row(ticket_id: int) -> TicketRow:
    found: TicketRow = TicketRow.get_by_id(ticket_id)
    return found


def alarm_of(ticket: TicketRow) -> Any:
    TicketRow.update(dedup_key="k", open_key="k").where(TicketRow.id == ticket.id).execute()
    return AlarmRow.create(
        key="k", rule_key="r", title="油温", severity="major", state="unack", active=True, ticket=ticket.id
    )


def test_twins_are_proposed_while_one_types(plant: Plant) -> None:
    boss = plant.boss
    same = report(boss, "冲压机漏油", asset_id=plant.press.id)
    report(boss, "空调不制冷")
    search_index.catch_up()
    found = ticket_links.duplicates(boss, text="冲压机下面漏油", asset_id=plant.press.id, now=NOW)
    assert [(one.number, one.same_asset) for one in found] == [(same.number, True)]
    assert ticket_links.duplicates(boss, text="门禁坏了", now=NOW) == []
    outsider = Actor("person", plant.li.id, "外协", frozenset({"vendor"}))
    assert ticket_links.duplicates(outsider, text="冲压机漏油", asset_id=plant.press.id, now=NOW) == []


def test_a_merged_ticket_hands_over_its_alarm_files_and_reporter(plant: Plant) -> None:
    boss = plant.boss
    one = report(boss, "漏油", asset_id=plant.press.id)
    other = report(
        boss, "油位低", asset_id=plant.press.id, reporter_name="赵师傅", reporter_contact="13800000000"
    )
    alarm = alarm_of(other)
    file = FileRow.create(sha256="0" * 64, media_type="image/jpeg", size=1, created_at=NOW)
    AttachmentRow.create(file=file, ticket=other, kind="photo", name="x.jpg", added_at=NOW)
    token = progress.link(row(other.id))
    goes_on = ticket_links.merge(boss, other.id, one.id, "同一故障", now=NOW)
    assert goes_on.id == one.id
    merged = ticket_views.view(boss, other.id, now=NOW)
    assert (merged.state, merged.merged_into and merged.merged_into.number) == ("merged", one.number)
    assert AlarmRow.get_by_id(alarm.id).ticket_id == one.id
    assert AttachmentRow.get().ticket_id == one.id
    assert (row(one.id).open_key, row(other.id).open_key) == ("k", None)
    assert [twin.number for twin in ticket_links.merged_into(boss, one.id)] == [other.number]
    seen = progress.view(token, now=NOW)
    assert seen.state == row(one.id).state and not seen.may_rate
    assert [
        entry.data["merged"] for entry in JournalRow.select().where(JournalRow.verb == "ticket.took_over")
    ] == [other.number]


def test_a_vendor_is_not_told_of_tickets_of_others_that_belong_to_his(plant: Plant) -> None:
    boss = plant.boss
    one, other = report(boss, "漏油"), report(boss, "新产品试产停机")
    part = ticket_links.split(boss, other.id, SplitTicket(title="换密封圈"), now=NOW)
    ticket_links.merge(boss, other.id, one.id, "", now=NOW)
    for ticket_id in (one.id, part.id):
        tickets.assign(boss, ticket_id, AssignTicket(person_id=plant.li.id), now=NOW)
    vendor = Actor("person", plant.li.id, "外协", frozenset({"vendor"}))
    assert ticket_links.merged_into(vendor, one.id) == []
    parent = ticket_views.view(vendor, part.id, now=NOW).parent
    assert parent is not None and (parent.number, parent.name) == (other.number, "")
    seen = ticket_views.view(boss, part.id, now=NOW).parent
    assert seen is not None and seen.name == "新产品试产停机"


def test_what_cannot_be_merged(plant: Plant) -> None:
    boss = plant.boss
    one, other = report(boss, "漏油"), report(boss, "漏水")
    with pytest.raises(AppError):
        ticket_links.merge(boss, one.id, one.id, "", now=NOW)
    with pytest.raises(Forbidden):
        ticket_links.merge(plant.actor(plant.wang), one.id, other.id, "", now=NOW)
    ticket_links.merge(boss, one.id, other.id, "", now=NOW)
    with pytest.raises(Conflict) as refused:
        ticket_links.merge(boss, other.id, one.id, "", now=NOW)
    assert refused.value.code == "ticket.merge_done"


def test_chains_of_merged_tickets_lead_to_the_one_that_goes_on(plant: Plant) -> None:
    boss = plant.boss
    first, second, third = (report(boss, f"漏油 {n}") for n in range(3))
    ticket_links.merge(boss, first.id, second.id, "", now=NOW)
    ticket_links.merge(boss, second.id, third.id, "", now=NOW)
    assert ticket_links.leading(row(first.id)).id == third.id


def test_a_part_of_a_ticket_becomes_one_of_its_own(plant: Plant) -> None:
    boss = plant.boss
    whole = report(boss, "漏油，另外护栏松了", asset_id=plant.press.id)
    made = ticket_links.split(boss, whole.id, SplitTicket(title="护栏松了"), now=NOW)
    assert made.parent is not None and made.parent.id == whole.id
    assert made.asset is not None and made.asset.id == plant.press.id
    with pytest.raises(AppError):
        ticket_links.split(boss, whole.id, SplitTicket(title="x", file_ids=[99]), now=NOW)
    assert TicketRow.select().count() == 2


def test_a_report_is_read_and_nothing_is_done(plant: Plant) -> None:
    boss = plant.boss
    for n in range(6):
        report(boss, f"液压缸漏油 {n}", priority=2)
        report(boss, f"申请新扳手 {n}", type="request", priority=4)
    search_index.catch_up()
    intake_reading.forget()
    before = TicketRow.select().count()
    text = "A-00001 漏油，请回电 138 0013 8000"
    found = intake_reading.read(boss, ReadReport(text=text), now=NOW)
    assert [(item.what, item.text, item.name) for item in found.spotted] == [
        ("asset", "A-00001", "一号冲压机"), ("phone", "138 0013 8000", ""),
    ]  # fmt: skip
    assert found.type is not None and (found.type.value, "漏油" in found.type.because) == ("fault", True)
    assert found.priority is not None and found.priority.value == "2"
    assert found.failure_mode is None and found.learned_from == 12
    assert len(found.duplicates) > 0
    assert TicketRow.select().count() == before


def test_a_new_plant_guesses_nothing(plant: Plant) -> None:
    intake_reading.forget()
    found = intake_reading.read(plant.boss, ReadReport(text="漏油"), now=NOW)
    assert (found.type, found.priority, found.duplicates, found.learned_from) == (None, None, [], 0)
