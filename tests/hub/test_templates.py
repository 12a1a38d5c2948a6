"""Templates as their users meet them: designed, revised, filled in, approved, and in the way of a hasty end."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.people import Actor
from core.errors import AppError, Conflict, Forbidden
from core.services import journal, templates, ticket_forms, tickets, timeline
from core.storage.tables import JournalRow, TicketRow
from core.wire.templates import Decide, FillForm, SaveTemplate, TemplateView
from core.wire.tickets import AssignTicket, CreateTicket, MoveTicket, TicketView
from tests.hub.conftest import NOW, Plant

NAME = {"zh_CN": "报修", "en": "Repair"}
FORM: list[dict[str, Any]] = [
    {
        "key": "effect", "kind": "choice", "name": NAME, "required": True,
        "options": [{"key": "stopped", "name": NAME}, {"key": "none", "name": NAME}],
    },
    {"key": "pieces", "kind": "number", "name": NAME, "low": 0, "high": 500,
     "required_if": {"field": "effect", "op": "equals", "value": "stopped"}},
    {"key": "machine", "kind": "asset", "name": NAME},
    {"key": "cause", "kind": "text", "name": NAME, "asked": "resolve", "required": True},
]  # fmt: skip


def template(plant: Plant, **more: Any) -> TemplateView:
    wanted = {"key": "repair", "name": NAME, "type": "fault", "fields": FORM} | more
    return templates.create(plant.boss, SaveTemplate(**wanted), now=NOW)


def report(plant: Plant, of: TemplateView, **values: Any) -> TicketView:
    new = CreateTicket(title="漏油", template_id=of.id, values=values, asset_id=plant.press.id)
    return tickets.create(plant.boss, new, now=NOW)


def row(ticket: TicketView) -> TicketRow:
    found: TicketRow = TicketRow.get_by_id(ticket.id)
    return found


def move(plant: Plant, ticket: TicketView, name: str, **more: Any) -> TicketView:
    return tickets.move(plant.boss, ticket.id, MoveTicket(move=name, **more), now=NOW)


def test_a_ticket_keeps_what_was_filled_in(plant: Plant) -> None:
    ticket = report(plant, template(plant), effect="stopped", pieces=12)
    form = ticket_forms.view(plant.boss, ticket.id)
    assert form is not None and ticket.has_form
    assert (form.values, form.missing) == ({"effect": "stopped", "pieces": 12}, ["cause"])


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"values.effect": "missing"}),
        ({"effect": "stopped"}, {"values.pieces": "missing"}),
        ({"effect": "none", "pieces": 900}, {"values.pieces": "out_of_range"}),
        ({"effect": "none", "machine": 99_999}, {"values.machine": "unknown"}),
        ({"effect": "none", "other": 1}, {"values.other": "unknown"}),
    ],
)
def test_what_does_not_fit_is_named(plant: Plant, values: dict[str, Any], fields: dict[str, str]) -> None:
    of = template(plant)
    with pytest.raises(AppError) as refused:
        report(plant, of, **values)
    assert refused.value.fields == fields
    assert TicketRow.select().count() == 0


def test_open_fields_stand_before_the_end_and_come_with_it(plant: Plant) -> None:
    ticket = report(plant, template(plant), effect="none")
    tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.wang.id), now=NOW)
    move(plant, ticket, "start")
    with pytest.raises(Conflict) as refused:
        move(plant, ticket, "resolve", resolution="done")
    assert refused.value.code == "ticket.fields_open"
    done = move(plant, ticket, "resolve", resolution="done", values={"cause": "密封圈老化"})
    assert done.state in ("resolved", "follow_up")
    assert row(ticket).custom == {"effect": "none", "cause": "密封圈老化"}
    told = JournalRow.get(JournalRow.verb == "ticket.form_filled")
    assert told.data["changed"] == {"cause": [None, "密封圈老化"]}


def test_open_tickets_keep_their_form_when_the_template_changes(plant: Plant) -> None:
    of = template(plant)
    ticket = report(plant, of, effect="none")
    changed = SaveTemplate(version=of.version, key="repair", name=NAME, type="fault", fields=FORM[:1])
    newer = templates.save(plant.boss, of.id, changed, now=NOW)
    assert (of.revision, newer.revision) == (1, 2)
    form = ticket_forms.view(plant.boss, ticket.id)
    assert form is not None and len(form.fields) == 4
    again = templates.save(
        plant.boss, of.id, changed.model_copy(update={"version": newer.version, "position": 3}), now=NOW
    )
    assert again.revision == 2


def test_fields_are_filled_in_on_the_way(plant: Plant) -> None:
    ticket = report(plant, template(plant), effect="stopped", pieces=1)
    new = FillForm(version=row(ticket).version, values={"pieces": 7, "machine": plant.press.id})
    form = ticket_forms.fill(plant.boss, ticket.id, new, now=NOW)
    assert form.values == {"effect": "stopped", "pieces": 7, "machine": plant.press.id}
    emptied = FillForm(version=row(ticket).version, values={"machine": None})
    assert "machine" not in ticket_forms.fill(plant.boss, ticket.id, emptied, now=NOW).values
    told = JournalRow.select().where(JournalRow.verb == "ticket.form_filled").order_by(JournalRow.id).first()
    assert told is not None and told.data["changed"]["pieces"] == [1, 7]
    with pytest.raises(Conflict):
        ticket_forms.fill(plant.boss, ticket.id, new, now=NOW)


def test_a_chain_of_approvals_holds_the_work_back_until_the_last_has_agreed(plant: Plant) -> None:
    levels = [{"name": NAME, "roles": ["supervisor"]}, {"name": NAME, "person_ids": [plant.li.id]}]
    ticket = report(plant, template(plant, approvals=levels, fields=[]))
    assert (ticket.state, row(ticket).dispatch_why) == ("new", {"waiting": "approval"})
    with pytest.raises(Conflict) as refused:
        tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.wang.id), now=NOW)
    assert refused.value.code == "ticket.approval_pending"
    with pytest.raises(Forbidden):
        ticket_forms.decide(plant.actor(plant.li), ticket.id, Decide(granted=True), now=NOW)
    form = ticket_forms.decide(plant.boss, ticket.id, Decide(granted=True, comment="好"), now=NOW)
    assert [(level.granted, level.decided_by) for level in form.approvals] == [(True, "陈主管"), (None, "")]
    ticket_forms.decide(plant.actor(plant.li), ticket.id, Decide(granted=True), now=NOW)
    assert row(ticket).state == "assigned"
    with pytest.raises(Conflict):
        ticket_forms.decide(plant.boss, ticket.id, Decide(granted=True), now=NOW)


def test_what_approvers_say_is_not_for_vendors(plant: Plant) -> None:
    ticket = report(plant, template(plant, approvals=[{"name": NAME, "roles": ["supervisor"]}], fields=[]))
    ticket_forms.decide(plant.boss, ticket.id, Decide(granted=True, comment="上限 8 万"), now=NOW)
    tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.li.id), now=NOW)
    vendor = Actor("person", plant.li.id, "外协", frozenset({"vendor"}))
    said = [(plant.boss, "上限 8 万"), (vendor, "")]
    for actor, comment in said:
        form = ticket_forms.view(actor, ticket.id)
        assert form is not None and [level.comment for level in form.approvals] == [comment]
        data = next(one.data for one in timeline.timeline(actor, ticket.id) if one.verb == "ticket.approved")
        feed = next(one.data for one in journal.after(actor, 0) if one.verb == "ticket.approved")
        assert [data.get("reason", ""), feed.get("reason", "")] == [comment, comment]


def test_a_refusal_ends_the_ticket_with_its_reason(plant: Plant) -> None:
    ticket = report(plant, template(plant, fields=[], approvals=[{"name": NAME, "roles": ["supervisor"]}]))
    ticket_forms.decide(plant.boss, ticket.id, Decide(granted=False, comment="没有预算"), now=NOW)
    assert row(ticket).state == "cancelled"
    told = JournalRow.get(JournalRow.verb == "ticket.refused")
    assert told.data["reason"] == "没有预算"


@pytest.mark.parametrize("preset", templates.presets())
def test_the_shipped_sets_make_sense_and_are_installed_once(plant: Plant, preset: str) -> None:
    made = templates.install(plant.boss, preset, now=NOW)
    assert made and all(set(one.name) == {"zh_CN", "en"} for one in made)
    assert all(set(field.name) == {"zh_CN", "en"} for one in made for field in one.fields)
    assert templates.install(plant.boss, preset, now=NOW) == []
    assert [one.key for one in templates.listed(plant.actor(plant.wang))] == [one.key for one in made]


def test_the_shipped_sets_cover_four_trades() -> None:
    assert templates.presets() == ["hotel", "manufacturing", "property", "retail_chain"]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"fields": [{"key": "a", "kind": "choice", "name": NAME}]}, "fields.0.options"),
        ({"approvals": [{"name": NAME}]}, "approvals.0.roles"),
        ({"name": {"en": " "}}, "name"),
        ({"procedure": [{"key": "a", "kind": "tick", "title": "x"}] * 2}, "procedure.1.key"),
    ],
)
def test_templates_that_make_no_sense_are_refused(plant: Plant, more: dict[str, Any], place: str) -> None:
    with pytest.raises(AppError) as refused:
        template(plant, **more)
    assert place in refused.value.fields


def test_keys_rights_and_ends(plant: Plant) -> None:
    of = template(plant)
    with pytest.raises(Conflict):
        template(plant)
    with pytest.raises(Forbidden):
        templates.create(plant.actor(plant.wang), SaveTemplate(key="x", name=NAME, type="fault"), now=NOW)
    off = SaveTemplate(version=of.version, key="repair", name=NAME, type="fault", fields=FORM, active=False)
    templates.save(plant.boss, of.id, off, now=NOW)
    with pytest.raises(AppError) as refused:
        report(plant, of, effect="none")
    assert refused.value.code == "template.inactive"
