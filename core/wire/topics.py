"""MQTT topic names between edges, outside sources and the hub; the only place that spells them."""

from __future__ import annotations

ROOT = "fettle/v1"
OTHERS = "in"  # stands where an edge's id stands

UP = "up"  # edge → hub: UplinkBatch, QoS 1
ACK = "ack"  # hub → edge: UplinkAck, QoS 1
CONFIG = "config"  # hub → edge: EdgeConfig, retained
STATUS = "status"  # edge → hub: EdgeStatus, retained, also the last will
TELEMETRY = "telemetry"  # edge → hub: Telemetry, QoS 0
CMD = "cmd"  # hub → edge: EdgeCommand
REPLY = "reply"  # edge → hub: EdgeReply

FROM_EDGE = (UP, STATUS, TELEMETRY, REPLY)
TO_EDGE = (ACK, CONFIG, CMD)


def topic(edge_id: str, channel: str) -> str:
    """The topic of one channel of one edge."""
    return f"{ROOT}/{edge_id}/{channel}"


def every_edge(channel: str) -> str:
    """The subscription for one channel of all edges."""
    return f"{ROOT}/+/{channel}"


def shared(group: str, subscription: str) -> str:
    """The subscription that members of a group take turns at; what is retained does not come by it."""
    return f"$share/{group}/{subscription}" if group else subscription


def edge_of(name: str) -> tuple[str, str] | None:
    """(edge_id, channel) of a topic, or None when it is not one of ours."""
    parts = name.split("/")
    if len(parts) == 4 and "/".join(parts[:2]) == ROOT and parts[2] != OTHERS:
        return parts[2], parts[3]
    return None


def third_party(source: str) -> str:
    """Where a program without our agent publishes `ThirdPartyAlarm`."""
    return f"{ROOT}/{OTHERS}/{source}/alarm"


def may(edge_id: str, name: str, publish: bool) -> bool:
    """Whether the broker login of `edge_id` may publish to (or subscribe) `name`: its own topics only."""
    own = edge_of(name)
    return own is not None and own[0] == edge_id and own[1] in (FROM_EDGE if publish else TO_EDGE)
