"""Labels: random tokens that name an asset and authenticate nobody; only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain import labels as domain
from core.domain.people import Action, Actor, require
from core.errors import AppError, NotFound
from core.services import journal, locations, rows, settings
from core.storage import db
from core.storage.tables import AssetRow, LabelRow
from core.wire.assets import LabelView, PrintLabels

MOST = 5000  # of one print: some ten seconds of drawing


@dataclass(frozen=True, slots=True)
class Label:
    """One label to be drawn: what its code holds, and what people read on it."""

    payload: str
    code: tuple[str, str]
    number: str
    name: str
    location: str


@db.transaction
def mint(actor: Actor, wanted: PrintLabels, *, now: datetime) -> list[Label]:
    """New labels for these assets, in the order asked; for a preview the same without valid codes.

    This is the only time that the tokens are known. NotFound `asset.not_found`; AppError `label.too_many`.
    """
    require(actor, Action.LABEL_PRINT)
    if len(wanted.asset_ids) * wanted.copies > MOST:
        raise AppError(
            "label.too_many", f"at most {MOST} labels at once", {"copies": "out_of_range"}, most=MOST
        )
    found: dict[int, Any] = {
        row.id: row for row in AssetRow.select().where(AssetRow.id.in_(wanted.asset_ids))
    }
    missing = next((asset_id for asset_id in wanted.asset_ids if asset_id not in found), None)
    if missing is not None:
        raise NotFound("asset.not_found", f"no asset {missing}", {"asset_ids": "unknown"}, id=missing)
    places, url = locations.paths(), settings.public_url()
    labels, made = [], []
    for asset_id in wanted.asset_ids:
        asset = found[asset_id]
        for _copy in range(wanted.copies):
            token = domain.SAMPLE if wanted.preview else _new_token()
            labels.append(
                Label(
                    payload=domain.payload(url, token),
                    code=domain.grouped(token),
                    number=asset.number,
                    name=asset.name,
                    location=places.get(asset.location_id, ""),
                )
            )
            made.append(
                {"token_hash": digest(token), "asset": asset_id, "created_at": now, "created_by": actor.id}
            )
    if not wanted.preview:
        for start in range(0, len(made), 500):
            LabelRow.insert_many(made[start : start + 500]).execute()
        numbers = [found[asset_id].number for asset_id in wanted.asset_ids[:50]]
        journal.write(
            actor, "label.printed", "label", None, now, count=len(made), preset=wanted.preset, assets=numbers
        )
    return labels


def _new_token() -> str:
    return "".join(secrets.choice(domain.ALPHABET) for _ in range(domain.LENGTH))


def digest(token: str) -> str:
    """How a token is kept: 130 random bits need no slow hash."""
    return hashlib.sha256(domain.normal(token).encode()).hexdigest()


@db.reading
def resolve(token: str) -> AssetRow | None:
    """The asset of a label, the token in any case; None alike for unknown, revoked and retired."""
    row = LabelRow.get_or_none(LabelRow.token_hash == digest(token), LabelRow.revoked_at.is_null())
    asset = None if row is None else row.asset
    return asset if asset is not None and asset.retired_at is None else None


@db.reading
def of_asset(actor: Actor, asset_id: int) -> list[LabelView]:
    """The labels of an asset, newest first."""
    require(actor, Action.ASSET_READ)
    rows.get(AssetRow, asset_id, "asset")
    query = LabelRow.select(LabelRow, AssetRow).join(AssetRow).where(LabelRow.asset == asset_id)
    return [_view(row) for row in query.order_by(LabelRow.id.desc()).limit(500)]


@db.transaction
def revoke(actor: Actor, label_id: int, *, now: datetime) -> LabelView:
    """Make a label worthless; a second time is harmless."""
    require(actor, Action.LABEL_PRINT)
    row = rows.lock(LabelRow, label_id, "label")
    if row.revoked_at is None:
        row.revoked_at = now
        row.save()
        name, number = (row.asset.name, row.asset.number) if row.asset else ("", "")
        journal.write(
            actor, "label.revoked", "label", row.id, now, name=name, number=number, asset_id=row.asset_id
        )
    return _view(row)


def _view(row: Any) -> LabelView:
    return LabelView(
        id=row.id, asset=rows.ref(row.asset), created_at=row.created_at, revoked_at=row.revoked_at
    )
