"""All doors of the hub as one web application: which there are, behind which gate. Starts nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from core import __version__
from core.hub import auth, docs, phone
from core.hub.api import (
    alarms,
    assets,
    device_library,
    dispatch,
    files,
    fleet,
    health,
    history,
    integrations,
    journal,
    knowledge,
    labels,
    parts,
    people,
    plans,
    plant,
    sessions,
    sla,
    templates,
    tickets,
)
from core.hub.feed import Feed
from core.hub.gate import MIB, Gate
from core.hub.problems import Problems
from core.paths import ASSETS
from core.settings import HubSettings
from core.wire.base import Problem

_API = (
    sessions, tickets, alarms, assets, labels, plans, parts, people, plant, fleet, device_library, history, journal,
    files, knowledge, integrations, sla, templates, dispatch,
)  # fmt: skip


def build(settings: HubSettings, feed: Feed, lifespan: Callable[[FastAPI], object] | None = None) -> FastAPI:
    """All doors of the hub as one application; starts nothing."""
    app = FastAPI(
        title="Fettle",
        version=__version__,
        description="Maintenance for factories: tickets, alarms, assets, plans, parts. "
        "Log in with POST /api/v1/login and send `Authorization: Bearer <token>`.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,  # type: ignore[arg-type]  # a plain callable is what FastAPI takes
    )
    api = APIRouter(prefix="/api/v1", responses={"default": {"model": Problem}})
    for module in _API:
        _summarise(module.router)
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(docs.router)
    app.include_router(phone.router)
    app.mount("/static", StaticFiles(directory=ASSETS / "static"), name="static")
    app.state.feed = feed
    app.state.epoch = ""
    app.state.reporters = asyncio.Semaphore(phone.MOST_AT_ONCE)
    problems = Problems(page=phone.problem_page, is_page=phone.is_page)
    problems.install(app)
    app.add_middleware(
        Gate,
        problems=problems,
        trusted_proxies=settings.http.trusted_proxies,
        limit_of=lambda path: body_limit(path, settings),
        https=settings.http.tls_cert is not None or settings.http.public_url.startswith("https://"),
    )
    auth.refuse_open_doors(app)
    return app


def _summarise(router: APIRouter) -> None:
    """The documents list each door by its first sentence, not by the name of its function."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.summary is None:
            route.summary = route.description.splitlines()[0].rstrip(".")


def body_limit(path: str, settings: HubSettings) -> int:
    """The largest body, in bytes, that an address takes."""
    if path.startswith("/api/"):
        if path.endswith("/files"):
            return (settings.limits.upload_mib + 1) * MIB
        if path.endswith("/uplink"):
            return 33 * MIB  # 500 events of 64 KiB
        return MIB
    if path[:3].lower() == "/q/":
        return settings.limits.uploads_per_report * settings.limits.upload_mib * MIB + MIB
    return MIB // 4
