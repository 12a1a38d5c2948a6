"""Doors of ticket templates, and of the forms and approvals of tickets."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import templates, ticket_forms
from core.wire.templates import Decide, FillForm, SaveTemplate, TemplateView, TicketForm

router = APIRouter(tags=["templates"])


@router.get("/ticket-templates")
def list_templates(actor: SignedIn) -> list[TemplateView]:
    """All templates with their newest form."""
    return templates.listed(actor)


@router.post("/ticket-templates", status_code=201)
def create_template(actor: SignedIn, body: SaveTemplate) -> TemplateView:
    """A new template."""
    return templates.create(actor, body, now=clock())


@router.get("/ticket-templates/presets")
def list_presets(_actor: SignedIn) -> list[str]:
    """Names of the shipped sets of templates."""
    return templates.presets()


@router.post("/ticket-templates/presets/{preset}", status_code=201)
def install_preset(actor: SignedIn, preset: str) -> list[TemplateView]:
    """Add those templates of a shipped set that are not there yet."""
    return templates.install(actor, preset, now=clock())


@router.get("/ticket-templates/{template_id}")
def get_template(actor: SignedIn, template_id: int) -> TemplateView:
    """One template."""
    return templates.view(actor, template_id)


@router.put("/ticket-templates/{template_id}")
def save_template(actor: SignedIn, template_id: int, body: SaveTemplate) -> TemplateView:
    """Change a template; open tickets keep the form they were made by."""
    return templates.save(actor, template_id, body, now=clock())


@router.get("/tickets/{ticket_id}/form")
def get_form(actor: SignedIn, ticket_id: int) -> TicketForm | None:
    """What the ticket's template asks for and what is filled in; null for a ticket without one."""
    return ticket_forms.view(actor, ticket_id)


@router.put("/tickets/{ticket_id}/form")
def fill_form(actor: SignedIn, ticket_id: int, body: FillForm) -> TicketForm:
    """Fill in or change fields."""
    return ticket_forms.fill(actor, ticket_id, body, now=clock())


@router.post("/tickets/{ticket_id}/approval")
def decide(actor: SignedIn, ticket_id: int, body: Decide) -> TicketForm:
    """Grant or refuse the level of the approval chain that is asked now."""
    return ticket_forms.decide(actor, ticket_id, body, now=clock())
