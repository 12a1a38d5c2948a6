"""The door that watchdogs and load balancers knock at."""

from __future__ import annotations

from fastapi import APIRouter, Request

from core import __version__
from core.services import journal
from core.wire.base import View

router = APIRouter(tags=["health"])


class Health(View):
    """`epoch` changes when the hub's database was made anew or restored."""

    status: str
    version: str
    epoch: str


@router.get("/healthz")
def healthz(request: Request) -> Health:
    """Whether the hub answers and its database can be read."""
    journal.head()
    return Health(status="ok", version=__version__, epoch=request.app.state.epoch)
