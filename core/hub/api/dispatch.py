"""Doors of dispatch rules, what a score is made of, and certificates."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import dispatch_rules
from core.wire.dispatch import (
    Certificate,
    DispatchRuleView,
    DispatchSettings,
    SaveCertificates,
    SaveDispatchRule,
    SaveDispatchSettings,
)

router = APIRouter(tags=["dispatch"])


@router.get("/dispatch-rules")
def list_rules(actor: SignedIn) -> list[DispatchRuleView]:
    """Rules in the order in which they are looked at."""
    return dispatch_rules.listed(actor)


@router.post("/dispatch-rules", status_code=201)
def create_rule(actor: SignedIn, body: SaveDispatchRule) -> DispatchRuleView:
    """A new rule."""
    return dispatch_rules.save(actor, None, body, now=clock())


@router.put("/dispatch-rules/{rule_id}")
def save_rule(actor: SignedIn, rule_id: int, body: SaveDispatchRule) -> DispatchRuleView:
    """Change a rule, or turn it off."""
    return dispatch_rules.save(actor, rule_id, body, now=clock())


@router.get("/dispatch-settings")
def get_settings(actor: SignedIn) -> DispatchSettings:
    """What a person's score is made of, and how many tickets one may grab."""
    return dispatch_rules.told(actor)


@router.put("/dispatch-settings")
def save_settings(actor: SignedIn, body: SaveDispatchSettings) -> DispatchSettings:
    """Change them."""
    return dispatch_rules.tell(actor, body, now=clock())


@router.get("/people/{person_id}/certificates")
def list_certificates(actor: SignedIn, person_id: int) -> list[Certificate]:
    """The certificates of a person, and whether each is valid."""
    return dispatch_rules.certificates(actor, person_id, now=clock())


@router.put("/people/{person_id}/certificates")
def save_certificates(actor: SignedIn, person_id: int, body: SaveCertificates) -> list[Certificate]:
    """Set all certificates of a person."""
    return dispatch_rules.save_certificates(actor, person_id, body, now=clock())
