"""Ticket templates: what a kind of ticket asks for. A changed form is a new revision; tickets keep theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from core import paths
from core.domain import fields
from core.domain.fields import Asked, Field, Kind, Op, Option, When
from core.domain.people import Action, Actor, require
from core.errors import AppError, Conflict, NotFound
from core.services import journal, rows
from core.storage import db, queries
from core.storage.sql import fn
from core.storage.tables import TemplateRevisionRow, TemplateRow
from core.wire.templates import FieldWhen, SaveTemplate, TemplateBody, TemplateField, TemplateView

FOLDER = paths.ASSETS / "ticket_templates"


@db.reading
def listed(actor: Actor) -> list[TemplateView]:
    """All templates with their newest form, in their order; whoever may report may know them."""
    require(actor, Action.TICKET_CREATE)
    query = TemplateRow.select().order_by(TemplateRow.position, TemplateRow.id)
    newest = _newest([row.id for row in query])
    return [_view(row, newest[row.id]) for row in query]


@db.reading
def view(actor: Actor, template_id: int) -> TemplateView:
    """One template with its newest form."""
    require(actor, Action.TICKET_CREATE)
    row = rows.get(TemplateRow, template_id, "template")
    return _view(row, _newest([row.id])[row.id])


@db.transaction
def create(actor: Actor, new: SaveTemplate, *, now: datetime) -> TemplateView:
    """Add a template. AppError `template.invalid` names each field; Conflict `template.key_taken`."""
    require(actor, Action.TEMPLATE_EDIT)
    _check(new)
    if TemplateRow.get_or_none(TemplateRow.key == new.key) is not None:
        raise Conflict("template.key_taken", new.key, {"key": "taken"}, key=new.key)
    row = TemplateRow.create(**_own(new))
    revision = TemplateRevisionRow.create(template=row.id, revision=1, body=_body(new), made_at=now)
    journal.write(actor, "template.created", "template", row.id, now, name=_name(new.name), key=new.key)
    return _view(row, revision)


@db.transaction
def save(actor: Actor, template_id: int, new: SaveTemplate, *, now: datetime) -> TemplateView:
    """Change a template; when its form differs the next tickets get a new revision. Its key stays."""
    require(actor, Action.TEMPLATE_EDIT)
    _check(new)
    row = rows.lock(TemplateRow, template_id, "template", new.version)
    if new.key != row.key:
        raise Conflict("template.key_fixed", row.key, {"key": "fixed"}, key=row.key)
    changed = rows.change(row, **_own(new))
    revision = _newest([row.id])[row.id]
    body = _body(new)
    if body != revision.body:
        revision = TemplateRevisionRow.create(
            template=row.id, revision=revision.revision + 1, body=body, made_at=now
        )
        changed["revision"] = [revision.revision - 1, revision.revision]
        if set(changed) == {"revision"}:
            row.version += 1
            row.save()
    if changed:
        journal.write(
            actor, "template.edited", "template", row.id, now, name=_name(new.name), changed=changed
        )
    return _view(row, revision)


@db.transaction
def install(actor: Actor, preset: str, *, now: datetime) -> list[TemplateView]:
    """Add the templates of a shipped preset that are not there yet. NotFound `template.unknown_preset`."""
    require(actor, Action.TEMPLATE_EDIT)
    file = FOLDER / f"{preset}.yaml"
    if preset not in presets():
        raise NotFound("template.unknown_preset", preset, preset=preset)
    have = {row.key for row in TemplateRow.select(TemplateRow.key)}
    wanted = [SaveTemplate.model_validate(item) for item in _read(file)]
    return [create(actor, new, now=now) for new in wanted if new.key not in have]


def presets() -> list[str]:
    """Names of the shipped presets."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=16)
def _read(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


# ---------------------------------------------------------------- for tickets


def current(template_id: int) -> tuple[TemplateRow, TemplateRevisionRow]:
    """The template and its newest revision; AppError `template.inactive` for one that is not used any more."""
    row = rows.get(TemplateRow, template_id, "template")
    if not row.active:
        raise AppError("template.inactive", row.key, {"template_id": "inactive"}, name=_name(row.name))
    return row, _newest([row.id])[row.id]


def body_of(revision_id: int) -> TemplateBody:
    """The form of a revision; revisions never change, so each is read once."""
    revision = queries.by_id(TemplateRevisionRow, revision_id)
    return TemplateBody.model_validate(revision.body)


def form(wire: Sequence[TemplateField]) -> tuple[Field, ...]:
    """Fields as the domain knows them."""
    return tuple(
        Field(
            key=field.key,
            kind=Kind(field.kind),
            name=_words(field.name),
            asked=Asked(field.asked),
            help=None if field.help is None else _words(field.help),
            required=field.required,
            required_if=_when(field.required_if),
            shown_if=_when(field.shown_if),
            default=field.default,
            options=tuple(Option(option.key, _words(option.name)) for option in field.options),
            unit=field.unit,
            low=field.low,
            high=field.high,
            longest=field.longest,
        )
        for field in wire
    )


def _words(name: Mapping[Any, str]) -> dict[str, str]:
    return {str(language): text for language, text in name.items()}


def _when(when: FieldWhen | None) -> When | None:
    return None if when is None else When(when.field, Op(when.op), when.value)


def fields_open(revision_id: int, values: Mapping[str, Any]) -> list[str]:
    """Keys of fields that stand between a ticket of this revision and its resolution."""
    return fields.missing(form(body_of(revision_id).fields), values, Asked.RESOLVE)


# ---------------------------------------------------------------- inside


def _check(new: SaveTemplate) -> None:
    wrong = fields.check_fields(form(new.fields))
    keys = [step.key for step in new.procedure]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            wrong[f"procedure.{number}.key"] = "taken"
    for number, level in enumerate(new.approvals):
        if not level.roles and not level.person_ids:
            wrong[f"approvals.{number}.roles"] = "missing"
    if not any(text.strip() for text in new.name.values()):
        wrong["name"] = "missing"
    if wrong:
        place, code = next(iter(wrong.items()))
        raise AppError("template.invalid", f"{place}: {code}", wrong, place=place)


def _own(new: SaveTemplate) -> dict[str, Any]:
    return new.model_dump(mode="json", include={"key", "name", "type", "icon", "position", "active"})


def _body(new: SaveTemplate) -> dict[str, Any]:
    return new.model_dump(mode="json", include=set(TemplateBody.model_fields))


def _newest(ids: Sequence[int]) -> dict[int, Any]:
    if not ids:
        return {}
    last = (
        TemplateRevisionRow.select(fn.MAX(TemplateRevisionRow.id))
        .where(TemplateRevisionRow.template.in_(list(ids)))
        .group_by(TemplateRevisionRow.template)
    )
    found = TemplateRevisionRow.select().where(TemplateRevisionRow.id.in_(last))
    return {int(row.template_id): row for row in found}


def _name(name: Mapping[Any, str]) -> str:
    return name.get("zh_CN") or name.get("en") or ""


def _view(row: Any, revision: Any) -> TemplateView:
    body = TemplateBody.model_validate(revision.body)
    return TemplateView(
        id=row.id, version=row.version, revision_id=revision.id, revision=revision.revision, key=row.key,
        name=row.name, type=row.type, icon=row.icon, position=row.position, active=row.active,
        **{name: getattr(body, name) for name in TemplateBody.model_fields},
    )  # fmt: skip
