"""Rules by which tickets find people, what their score is made of, and certificates; kept in memory for seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain.dispatch import Need, Weights
from core.domain.matching import Match
from core.domain.people import Action, Actor, require
from core.errors import AppError
from core.services import journal, places, rows, settings
from core.services.kept import Kept
from core.storage import db
from core.storage.tables import (
    CertificateRow,
    DispatchRuleRow,
    LocationRow,
    MetaRow,
    PersonRow,
    TeamRow,
)
from core.wire.dispatch import (
    Certificate,
    DispatchRuleView,
    DispatchSettings,
    SaveCertificates,
    SaveDispatchRule,
    SaveDispatchSettings,
)

_TRUST_S = 5.0  # how long another hub process may go by rules that were just changed
_META = "dispatch"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which tickets it is for, and what it does with them."""

    id: int
    name: str
    match: Match
    mode: str
    team_id: int | None
    person_id: int | None
    need: Need


@dataclass(frozen=True, slots=True)
class _Known:
    rules: tuple[Rule, ...]
    weights: Weights
    grab_most: int


def of(row: Any) -> Rule | None:
    """The rule that a ticket falls under; None: the score among the team of its asset."""
    rules = _kept.get().rules
    if not rules:
        return None
    asset = row.asset if row.asset_id is not None else None
    category, place = ("", None) if asset is None else (asset.category, asset.location_id)
    return next((rule for rule in rules if rule.match.covers(row.type, row.priority, category, place)), None)


def weights() -> Weights:
    """What each part of a score is worth."""
    return _kept.get().weights


def grab_most() -> int:
    """How many grabbed tickets one may hold at once."""
    return _kept.get().grab_most


@db.reading
def _load() -> _Known:
    query = DispatchRuleRow.select().where(DispatchRuleRow.active)
    found = list(query.order_by(DispatchRuleRow.position, DispatchRuleRow.id))
    told = _settings()
    weights_ = Weights(told.load, told.distance, told.knows, told.fairness)
    return _Known(tuple(_rule(row) for row in found), weights_, told.grab_most)


_kept = Kept(_load, _TRUST_S)
forget = _kept.forget


def _rule(row: Any) -> Rule:
    return Rule(
        id=row.id,
        name=row.name,
        match=places.match_of(row),
        mode=row.mode,
        team_id=row.team_id,
        person_id=row.person_id,
        need=Need(frozenset(row.skills), frozenset(row.certificates)),
    )


# ---------------------------------------------------------------- what people set


@db.reading
def listed(actor: Actor) -> list[DispatchRuleView]:
    """All rules in the order in which they are looked at."""
    require(actor, Action.TICKET_ASSIGN)
    query = DispatchRuleRow.select().order_by(DispatchRuleRow.position, DispatchRuleRow.id)
    return [_view(row) for row in query]


@db.transaction
def save(actor: Actor, rule_id: int | None, new: SaveDispatchRule, *, now: datetime) -> DispatchRuleView:
    """Add (id None) or change a rule. AppError `dispatch_rule.person_needed` for one without whom it names."""
    require(actor, Action.DISPATCH_EDIT)
    if new.mode == "person" and new.person_id is None:
        raise AppError("dispatch_rule.person_needed", "mode person", {"person_id": "missing"})
    tables: tuple[tuple[Any, int | None, str], ...] = (
        (LocationRow, new.location_id, "location"), (TeamRow, new.team_id, "team"),
        (PersonRow, new.person_id, "person"),
    )  # fmt: skip
    for table, wanted, noun in tables:
        if wanted is not None:
            rows.get(table, wanted, noun)
    values = new.model_dump(mode="json", exclude={"version"})
    if rule_id is None:
        row: Any = DispatchRuleRow.create(**values)
        verb, changed = "dispatch_rule.created", {}
    else:
        row = rows.lock(DispatchRuleRow, rule_id, "dispatch_rule", new.version)
        verb, changed = "dispatch_rule.edited", rows.change(row, **values)
    journal.write(actor, verb, "dispatch_rule", row.id, now, name=row.name, changed=changed)
    db.after_commit(forget)
    return _view(row)


@db.reading
def told(actor: Actor) -> DispatchSettings:
    """What the score is made of."""
    require(actor, Action.TICKET_ASSIGN)
    return _settings()


@db.transaction
def tell(actor: Actor, new: SaveDispatchSettings, *, now: datetime) -> DispatchSettings:
    """Change what the score is made of."""
    require(actor, Action.DISPATCH_EDIT)
    before = _settings().model_dump()
    after = new.model_dump()
    row = MetaRow.get_or_none(MetaRow.key == _META) or MetaRow(key=_META)
    row.value = after
    row.save()
    changed = {key: [before[key], value] for key, value in after.items() if before[key] != value}
    if changed:
        journal.write(actor, "dispatch_rule.edited", "dispatch_rule", None, now, name="", changed=changed)
    db.after_commit(forget)
    return DispatchSettings(**after)


def _settings() -> DispatchSettings:
    row = MetaRow.get_or_none(MetaRow.key == _META)
    return DispatchSettings() if row is None else DispatchSettings.model_validate(row.value)


def _view(row: Any) -> DispatchRuleView:
    named = ("id", "version", "name", "position", "types", "priorities", "categories", "mode", "skills",
             "certificates", "active")  # fmt: skip
    return DispatchRuleView(
        **{name: getattr(row, name) for name in named},
        location=rows.ref(row.location), team=rows.ref(row.team), person=rows.ref(row.person),
    )  # fmt: skip


# ---------------------------------------------------------------- certificates


@db.reading
def certificates(actor: Actor, person_id: int, *, now: datetime) -> list[Certificate]:
    """The certificates of a person by name, and whether each is valid."""
    require(actor, Action.PEOPLE_READ)
    rows.get(PersonRow, person_id, "person")
    return _certificates(person_id, now)


@db.transaction
def save_certificates(
    actor: Actor, person_id: int, new: SaveCertificates, *, now: datetime
) -> list[Certificate]:
    """Set all certificates of a person. AppError `certificate.twice` for one that is named twice."""
    require(actor, Action.PEOPLE_EDIT)
    person = rows.lock(PersonRow, person_id, "person")
    names = [one.name for one in new.certificates]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise AppError("certificate.twice", name, {f"certificates.{number}.name": "taken"}, name=name)
    before = [one.model_dump(mode="json") for one in _certificates(person_id, now)]
    CertificateRow.delete().where(CertificateRow.person == person_id).execute()
    for one in new.certificates:
        CertificateRow.create(person=person_id, name=one.name, number=one.number, expires_on=one.expires_on)
    after = _certificates(person_id, now)
    told_after = [one.model_dump(mode="json") for one in after]
    if before != told_after:
        journal.write(
            actor, "person.edited", "person", person_id, now, name=person.name,
            changed={"certificates": [before, told_after]},
        )  # fmt: skip
    return after


def valid(person_ids: Sequence[int], now: datetime) -> dict[int, frozenset[str]]:
    """Names of the certificates that are valid today, by person."""
    today = now.astimezone(settings.zone()).date()
    found: dict[int, set[str]] = {}
    query = CertificateRow.select().where(CertificateRow.person.in_(list(person_ids)))
    for row in query if person_ids else ():
        if row.expires_on is None or row.expires_on >= today:
            found.setdefault(row.person_id, set()).add(row.name)
    return {person_id: frozenset(names) for person_id, names in found.items()}


def _certificates(person_id: int, now: datetime) -> list[Certificate]:
    today = now.astimezone(settings.zone()).date()
    query = CertificateRow.select().where(CertificateRow.person == person_id).order_by(CertificateRow.name)
    return [
        Certificate(
            name=row.name, number=row.number, expires_on=row.expires_on,
            valid=row.expires_on is None or row.expires_on >= today,
        )
        for row in query
    ]  # fmt: skip
