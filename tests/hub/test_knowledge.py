"""The knowledge base as its users meet it: written, found, suggested, made of a ticket, shown to reporters."""

from __future__ import annotations

import pytest

from core.domain.people import Actor
from core.errors import AppError, Conflict, Forbidden, NotFound
from core.services import knowledge, search_index, tickets
from core.storage.tables import TicketRow
from core.wire.knowledge import SaveArticle
from core.wire.tickets import CreateTicket
from tests.hub.conftest import NOW, Plant

LEAK = SaveArticle(
    title="冲压机液压缸漏油", symptom="地面有油，压力下降", cause="密封圈老化", remedy="更换密封圈 P-00012",
    category="press", failure_mode="LEK", state="published",
)  # fmt: skip


def report(actor: Actor, title: str, description: str = "", **more: object) -> int:
    return tickets.create(
        actor, CreateTicket(type="fault", title=title, description=description, **more), now=NOW
    ).id


def finish(ticket_id: int, resolution: str, **more: object) -> None:
    TicketRow.update(state="closed", resolution=resolution, resolved_at=NOW, closed_at=NOW, **more).where(
        TicketRow.id == ticket_id
    ).execute()


def test_articles_are_numbered_changed_and_found(plant: Plant) -> None:
    boss = plant.boss
    first = knowledge.create(boss, LEAK, now=NOW)
    assert (first.number, first.author, first.uses) == ("K-00001", "陈主管", 0)
    second = knowledge.create(boss, SaveArticle(title="Servo overload", remedy="Reset the drive"), now=NOW)
    search_index.catch_up()
    assert [line.number for line in knowledge.listed(boss, q="漏油")] == ["K-00001"]
    assert [line.number for line in knowledge.listed(boss, q="油")] == ["K-00001"]
    saved = knowledge.save(
        boss, second.id, SaveArticle(version=second.version, title="伺服过载", state="published"), now=NOW
    )
    search_index.catch_up()
    assert [line.id for line in knowledge.listed(boss, q="过载")] == [second.id]
    assert knowledge.listed(boss, q="servo") == []
    assert [line.id for line in knowledge.listed(boss, category="press")] == [first.id, second.id] or saved
    with pytest.raises(Conflict):
        knowledge.save(boss, second.id, SaveArticle(version=second.version, title="x"), now=NOW)


def test_drafts_are_for_those_who_write(plant: Plant) -> None:
    draft = knowledge.create(plant.boss, SaveArticle(title="草稿"), now=NOW)
    keeper = Actor("person", plant.li.id, "仓管", frozenset({"storekeeper"}))
    assert knowledge.listed(keeper) == []
    with pytest.raises(NotFound):
        knowledge.view(keeper, draft.id)
    ticket = report(plant.boss, "漏油")
    with pytest.raises(NotFound):
        knowledge.helped(keeper, draft.id, ticket, now=NOW)
    with pytest.raises(Forbidden):
        knowledge.create(keeper, LEAK, now=NOW)
    with pytest.raises(AppError):
        knowledge.listed(Actor("person", 9, "", frozenset({"vendor"})))


def test_a_ticket_gets_what_helped_before_with_its_number(plant: Plant) -> None:
    boss = plant.boss
    article = knowledge.create(boss, LEAK, now=NOW)
    old = report(boss, "一号冲压机漏油", "液压缸下面有油", asset_id=plant.press.id)
    finish(old, "紧固接头，补油 2 升", failure_mode="LEK")
    for n in range(3):
        finish(report(boss, f"空调不制冷 {n}"), "清洗滤网")
    search_index.catch_up()
    ticket = report(boss, "冲压机漏油，地面有油", asset_id=plant.press.id)
    found = knowledge.suggestions(boss, ticket)
    assert found.looked_at == 5
    assert {item.number for item in found.items} == {article.number, TicketRow.get_by_id(old).number}
    (from_ticket,) = [item for item in found.items if item.kind == "ticket"]
    assert from_ticket.same_asset and from_ticket.text == "紧固接头，补油 2 升"
    assert all(0 < item.likeness <= 1 for item in found.items)


def test_nothing_similar_is_said_to_be_nothing(plant: Plant) -> None:
    boss = plant.boss
    knowledge.create(boss, LEAK, now=NOW)
    search_index.catch_up()
    found = knowledge.suggestions(boss, report(boss, "大门传感器失灵"))
    assert (found.items, found.looked_at) == ([], 1)


def test_a_finished_ticket_becomes_an_article(plant: Plant) -> None:
    boss = plant.boss
    ticket = report(boss, "冲压机异响", "飞轮侧有敲击声", asset_id=plant.press.id)
    with pytest.raises(Conflict) as refused:
        knowledge.draft_of(boss, ticket)
    assert refused.value.code == "article.ticket_open"
    finish(ticket, "更换轴承")
    draft = knowledge.draft_of(boss, ticket)
    assert (draft.symptom, draft.remedy, draft.category) == ("飞轮侧有敲击声", "更换轴承", "press")
    made = knowledge.create(boss, draft, now=NOW, ticket_id=ticket)
    assert made.source_ticket is not None and made.source_ticket.id == ticket


def test_what_helped_is_counted_once_per_ticket(plant: Plant) -> None:
    boss = plant.boss
    article = knowledge.create(boss, LEAK, now=NOW)
    ticket = report(boss, "漏油")
    for _ in range(2):
        assert knowledge.helped(boss, article.id, ticket, now=NOW).uses == 1


def test_reporters_get_only_what_is_meant_for_them(plant: Plant) -> None:
    boss = plant.boss
    knowledge.create(boss, LEAK, now=NOW)
    for_all = LEAK.model_copy(update={"audience": "reporters", "title": "漏油时先按急停"})
    knowledge.create(boss, for_all, now=NOW)
    knowledge.create(boss, for_all.model_copy(update={"state": "draft"}), now=NOW)
    search_index.catch_up()
    assert [article.title for article in knowledge.for_reporters("三号机漏油了")] == ["漏油时先按急停"]
    assert knowledge.for_reporters("漏") == [] and knowledge.for_reporters("空调不冷") == []
