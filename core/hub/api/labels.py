"""Doors of printed labels."""

from __future__ import annotations

from fastapi import APIRouter, Response

from core.domain.people import Action, require
from core.hub import labels as printing
from core.hub.api.uploads import download
from core.hub.auth import SignedIn, clock
from core.services import labels
from core.wire.assets import LabelPreset, LabelView, PrintLabels

router = APIRouter(tags=["labels"])


@router.get("/labels/presets")
def list_presets(actor: SignedIn) -> list[LabelPreset]:
    """Sheets and rolls that can be printed."""
    require(actor, Action.ASSET_READ)
    return printing.presets()


@router.post("/labels/pdf", response_class=Response)
def print_labels(actor: SignedIn, body: PrintLabels) -> Response:
    """A PDF of labels; unless it is a preview, each copy gets a code of its own."""
    if not body.preview:
        # What cannot be printed must not leave valid codes behind: one sample is drawn first.
        sample = body.model_copy(update={"preview": True, "asset_ids": body.asset_ids[:1], "copies": 1})
        printing.pdf(labels.mint(actor, sample, now=clock()), sample, body.language)
    drawn = printing.pdf(labels.mint(actor, body, now=clock()), body, body.language)
    return download(drawn, "application/pdf", "labels.pdf")


@router.get("/assets/{asset_id}/labels")
def list_labels(actor: SignedIn, asset_id: int) -> list[LabelView]:
    """Labels printed for the asset."""
    return labels.of_asset(actor, asset_id)


@router.post("/labels/{label_id}/revoke")
def revoke(actor: SignedIn, label_id: int) -> LabelView:
    """Make a lost label useless; its page then looks like that of an unknown one."""
    return labels.revoke(actor, label_id, now=clock())
