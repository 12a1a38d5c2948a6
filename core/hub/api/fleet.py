"""Doors of edges, devices, points and rules, and of what edges and other programs send by HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from core.domain.people import Action, require
from core.errors import AppError
from core.hub.auth import Address, EdgeLogin, SignedIn, clock
from core.services import assets, devices, edge_configs, fleet, ingest, letter_replays
from core.wire.assets import PointValue
from core.wire.base import View
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import (
    ConfigPushed,
    DeadLetterView,
    DeviceView,
    EdgeView,
    JoinCode,
    PointView,
    RuleView,
    SaveDevice,
    SaveEdge,
    SavePoint,
    SaveRule,
)
from core.wire.uplink import EdgeJoined, JoinEdge, ThirdPartyAlarm, UplinkAck, UplinkBatch

router = APIRouter(tags=["edges"])


Source = Annotated[str, Path(pattern=r"^[^\x00-\x1f/+#]{1,100}$", description="One level of an MQTT topic.")]


class AlarmTaken(View):
    """The number of the ticket that the alarm belongs to, if it makes one."""

    ticket: str | None


@router.get("/edges")
def list_edges(actor: SignedIn) -> list[EdgeView]:
    """All edges with how they do."""
    return fleet.edges(actor)


@router.post("/edges", status_code=201)
def create_edge(actor: SignedIn, body: SaveEdge) -> EdgeView:
    """A new edge; it joins with a one-time code."""
    return fleet.create_edge(actor, body, now=clock())


@router.post("/edges/join")
def join(body: JoinEdge, address: Address) -> EdgeJoined:
    """An edge's own login, for the one-time code that the console showed."""
    return fleet.join(body, now=clock(), address=address)


@router.put("/edges/{edge_id}")
def save_edge(actor: SignedIn, edge_id: int, body: SaveEdge) -> EdgeView:
    """Change an edge."""
    return fleet.save_edge(actor, edge_id, body, now=clock())


@router.post("/edges/{edge_id}/join-code", status_code=201)
def make_join_code(actor: SignedIn, edge_id: int) -> JoinCode:
    """A one-time code for fifteen minutes; joining again revokes the old login."""
    return fleet.make_join_code(actor, edge_id, now=clock())


@router.get("/edges/{edge_id}/devices")
def list_devices(actor: SignedIn, edge_id: int) -> list[DeviceView]:
    """The edge's devices."""
    return devices.devices(actor, edge_id)


@router.post("/edges/{edge_id}/devices", status_code=201)
def create_device(actor: SignedIn, edge_id: int, body: SaveDevice) -> DeviceView:
    """A new device of the edge; it counts after the next push."""
    return devices.create_device(actor, edge_id, body, now=clock())


@router.put("/devices/{device_id}")
def save_device(actor: SignedIn, device_id: int, body: SaveDevice) -> DeviceView:
    """Change a device."""
    return devices.save_device(actor, device_id, body, now=clock())


@router.get("/devices/{device_id}/points")
def list_points(actor: SignedIn, device_id: int) -> list[PointView]:
    """The device's points."""
    return devices.points(actor, device_id)


@router.get("/devices/{device_id}/values")
def list_values(actor: SignedIn, device_id: int) -> list[PointValue]:
    """The latest readings of the device's points."""
    return assets.device_values(actor, device_id)


@router.post("/devices/{device_id}/points", status_code=201)
def create_point(actor: SignedIn, device_id: int, body: SavePoint) -> PointView:
    """A new point of the device."""
    return devices.create_point(actor, device_id, body, now=clock())


@router.put("/points/{point_id}")
def save_point(actor: SignedIn, point_id: int, body: SavePoint) -> PointView:
    """Change a point."""
    return devices.save_point(actor, point_id, body, now=clock())


@router.get("/points/{point_id}/rules")
def list_rules(actor: SignedIn, point_id: int) -> list[RuleView]:
    """The point's rules."""
    return devices.rules(actor, point_id)


@router.post("/points/{point_id}/rules", status_code=201)
def create_rule(actor: SignedIn, point_id: int, body: SaveRule) -> RuleView:
    """A new rule on the point."""
    return devices.create_rule(actor, point_id, body, now=clock())


@router.put("/rules/{rule_id}")
def save_rule(actor: SignedIn, rule_id: int, body: SaveRule) -> RuleView:
    """Change a rule."""
    return devices.save_rule(actor, rule_id, body, now=clock())


@router.post("/edges/{edge_id}/push")
def push(actor: SignedIn, edge_id: int) -> ConfigPushed:
    """Send the edge its devices, points and rules as they are now."""
    return edge_configs.push(actor, edge_id, now=clock())


@router.get("/edges/{edge_id}/config")
def get_config(actor: SignedIn, edge_id: int, pushed: bool = False) -> EdgeConfig:
    """What a push would send now, or what was pushed last."""
    return edge_configs.shown(actor, edge_id, pushed)


@router.get("/dead-letters")
def list_dead_letters(actor: SignedIn) -> list[DeadLetterView]:
    """What could not be taken in, with the reason."""
    return fleet.dead_letters(actor)


@router.post("/dead-letters/{letter_id}/replay")
def replay_dead_letter(actor: SignedIn, letter_id: int) -> list[DeadLetterView]:
    """Take it in after all, now that its cause is gone; what is left of them."""
    letter_replays.replay(actor, letter_id, now=clock())
    return fleet.dead_letters(actor)


async def _payload(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/edges/{edge_id}/uplink",
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": UplinkBatch.model_json_schema()}}}
    },
)
def uplink(edge: EdgeLogin, payload: Annotated[bytes, Depends(_payload)]) -> UplinkAck:
    """Events of an edge, when the broker is away or for a bulk replay; a repeat is harmless.

    An event that breaks the contract becomes a dead letter and does not hold up the others.
    """
    ack = ingest.accept_payload(edge.name, payload, now=clock())
    if ack is None:
        raise AppError("uplink.unreadable", "no UplinkBatch of this edge; kept among the dead letters")
    return ack.model_copy(update={"at": clock()})


@router.post("/in/{source}/alarm")
def third_party(actor: SignedIn, source: Source, body: ThirdPartyAlarm) -> AlarmTaken:
    """An alarm of a program without our agent; the same `id` again is harmless."""
    require(actor, Action.TICKET_CREATE)
    return AlarmTaken(ticket=ingest.third_party(actor, source, body, now=clock()))
