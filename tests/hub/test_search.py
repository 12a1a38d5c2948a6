"""Searching tickets by the index: in step with the journal, by two Chinese characters, by the last digits."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from core.domain.people import Actor
from core.errors import AppError
from core.services import assets, search_index, ticket_rows, ticket_work, tickets
from core.storage import db, search
from core.storage.tables import TicketRow
from core.wire.assets import SaveAsset
from core.wire.tickets import AddNote, CreateTicket, TicketFilter
from tests.hub.conftest import NOW, Plant


def found(actor: Actor, q: str, **more: Any) -> list[str]:
    ids = ticket_rows.ids(actor, TicketFilter(q=q, **more), now=NOW)
    titles = {row.id: row.title for row in TicketRow.select()}
    return [titles[ticket_id] for ticket_id in ids]


def report(actor: Actor, title: str, **more: Any) -> int:
    return tickets.create(actor, CreateTicket(type="fault", title=title, **more), now=NOW).id


@pytest.fixture
def indexed(plant: Plant) -> Plant:
    """A plant whose index is there; some tickets were before it, some came after."""
    boss = plant.boss
    report(boss, "注塑机液压油温过高", description="油温 78 °C，报警 E-305")
    report(boss, "Servo overload", description="axis 2, alarm E305", asset_id=plant.press.id)
    search_index.catch_up()
    report(boss, "冲床漏油")
    search_index.catch_up()
    return plant


@pytest.mark.parametrize("sort", ["priority", "resolve_due_at", "number", "title", "state", "asset"])
def test_the_end_of_a_page_in_another_order_is_none(indexed: Plant, sort: str) -> None:
    """PostgreSQL compares no text with a number."""
    wrong: list[Any] = [5 if sort in ("title", "state", "asset") else "abc", True, [1], {}]
    for value in wrong:
        after = base64.urlsafe_b64encode(json.dumps([value, 1]).encode()).decode()
        with pytest.raises(AppError) as refused:
            ticket_rows.page(indexed.boss, TicketFilter.model_validate({"sort": sort}), after=after, now=NOW)
        assert refused.value.code == "request.bad_page"
    first = ticket_rows.page(
        indexed.boss, TicketFilter.model_validate({"sort": sort, "open": True}), limit=1, now=NOW
    )
    again = TicketFilter.model_validate({"sort": sort, "open": True})
    assert len(ticket_rows.page(indexed.boss, again, after=first.next, now=NOW).items) == 2


def test_of_a_long_text_only_so_much_is_looked_up(indexed: Plant) -> None:
    rarest = db.reading(search.rarest)
    assert rarest("ticket", ["none", "漏油"], 8) == ["漏油"]
    assert rarest("ticket", [*(f"none{n}" for n in range(400)), "漏油"], 8) == []


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        ("液压", ["注塑机液压油温过高"]),
        ("油", ["冲床漏油", "注塑机液压油温过高"]),
        ("漏油", ["冲床漏油"]),
        ("温过", ["注塑机液压油温过高"]),
        ("servo ov", ["Servo overload"]),
        ("E305", ["Servo overload", "注塑机液压油温过高"]),
        ("axis servo", ["Servo overload"]),
        ("没有这个词", []),
        ("AND", []),
        ('"; DROP', []),
    ],
)
def test_what_people_type_is_found(indexed: Plant, q: str, titles: list[str]) -> None:
    assert found(indexed.boss, q, sort="-number") == titles


def test_a_ticket_is_found_by_its_number_its_last_digits_and_its_asset(indexed: Plant) -> None:
    row = TicketRow.get(TicketRow.title == "Servo overload")
    for q in (row.number, str(int(row.number[-6:])), indexed.press.number):
        assert "Servo overload" in found(indexed.boss, q), q


def test_changes_notes_and_new_names_of_assets_are_followed(indexed: Plant) -> None:
    boss = indexed.boss
    row = TicketRow.get(TicketRow.title == "冲床漏油")
    ticket_work.add_note(boss, row.id, AddNote(text="换了密封圈", internal=False), now=NOW)
    ticket_work.add_note(boss, row.id, AddNote(text="秘密供应商", internal=True), now=NOW)
    asset = assets.view(boss, indexed.press.id)
    named = SaveAsset(version=asset.version, number=asset.number, name="北区三号机", team_id=indexed.team.id)
    assets.save(boss, asset.id, named, now=NOW)
    search_index.catch_up()
    assert found(boss, "密封圈") == ["冲床漏油"]
    assert found(boss, "秘密") == []
    assert found(boss, "北区三号") == ["Servo overload"]


def test_what_was_just_reported_is_found_before_it_is_indexed(indexed: Plant) -> None:
    report(indexed.boss, "刚刚漏油")
    assert found(indexed.boss, "漏油", sort="-number") == ["刚刚漏油", "冲床漏油"]


def test_without_an_index_the_titles_are_searched(plant: Plant) -> None:
    report(plant.boss, "冲床漏油")
    assert found(plant.boss, "漏油") == ["冲床漏油"]


def test_an_index_that_was_lost_is_built_anew(indexed: Plant) -> None:
    with db.database.atomic():
        search.clear()
    assert search_index.catch_up() == 3
    assert found(indexed.boss, "漏油") == ["冲床漏油"]
    assert search_index.catch_up() == 0


def test_what_one_may_not_see_is_not_found(indexed: Plant) -> None:
    outsider = Actor("person", indexed.wang.id, "外协", frozenset({"vendor"}))
    assert found(outsider, "漏油") == []
