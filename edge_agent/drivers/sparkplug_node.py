"""The session of one Sparkplug B node: births, deaths, aliases and sequence numbers; pure, no points and no broker.

Data counts only on the ground of a birth. Where a message is missing, everything since is doubtful (aliases may have
been given anew): nothing more is taken until the node has told all of it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.drivers.mqtt_json import Unreadable
from edge_agent.drivers.sparkplug_payload import Metric, Payload

ROOT = "spBv1.0"
MOST_DEVICES, MOST_METRICS = 1000, 50_000


@dataclass(frozen=True, slots=True)
class Address:
    """A node, and the device of it that is meant; empty for the node itself with all its devices."""

    group: str
    node: str
    device: str = ""

    @property
    def filter(self) -> str:
        """All of the node: sequence numbers count over its devices too."""
        return f"{ROOT}/{self.group}/+/{self.node}/#"

    @property
    def orders(self) -> str:
        """The topic for orders to the node."""
        return f"{ROOT}/{self.group}/NCMD/{self.node}"


def address(topic: str) -> Address:
    """`spBv1.0/GROUP/+/NODE[/DEVICE or #]`; raises ValueError with what is wrong."""
    levels = topic.split("/")
    if levels[0] != ROOT or not 4 <= len(levels) <= 5 or levels[2] != "+":
        raise ValueError(f"'{topic}' is not {ROOT}/GROUP/+/NODE/# or {ROOT}/GROUP/+/NODE/DEVICE")
    if not all(levels) or set(levels[1] + levels[3]) & set("+#"):
        raise ValueError(f"'{topic}' must name one group and one node")
    device = levels[4] if len(levels) == 5 and levels[4] not in ("#", "+") else ""
    if set(device) & set("+#"):
        raise ValueError(f"'{topic}' must name one device, or end with #")
    return Address(levels[1], levels[3], device)


@dataclass(frozen=True, slots=True)
class Told:
    """What a message came to. `device`: of whom it tells, empty for the node itself.

    `metrics`: name, metric and data type. `birth`: it told all it has. `died`: it is gone. `doubt`: why nothing is sure
    any more until a rebirth. None of these: nothing to do.
    """

    device: str = ""
    metrics: list[tuple[str, Metric, int]] = field(default_factory=list)
    birth: bool = False
    died: bool = False
    doubt: str = ""


@dataclass(slots=True)
class _Table:
    """What a birth said: data types by name, and names by alias."""

    types: dict[str, int]
    names: dict[int, str]


class Node:
    """One node as its messages show it."""

    def __init__(self) -> None:
        self.born = False
        self._seq: int | None = None
        self._death: int | float | bool | str | None = None  # `bdSeq` of the birth: which death belongs to it
        self._tables: dict[str, _Table] = {}

    @property
    def devices(self) -> list[str]:
        """The devices that have been born."""
        return sorted(device for device in self._tables if device)

    def forget(self) -> None:
        """The connection is new: whatever came meanwhile is missing."""
        self.born = False
        self._seq = None
        self._tables.clear()

    def take(self, kind: str, device: str, payload: Payload) -> Told:
        """One message: `kind` is the topic's third level. Raises Unreadable for what no node should send."""
        if kind == "NBIRTH":
            return self._node_born(payload)
        if kind == "NDEATH":
            return self._node_died(payload)
        if kind not in ("DBIRTH", "DDEATH", "NDATA", "DDATA") or (kind[0] == "D") != bool(device):
            return Told()
        if not self.born:
            return Told(device, doubt="data before the birth of the node")
        expected = None if self._seq is None else (self._seq + 1) % 256
        if payload.seq is None or (expected is not None and payload.seq != expected):
            self.forget()
            return Told(device, doubt=f"message {expected} is missing, {payload.seq} came")
        self._seq = payload.seq
        if kind == "DDEATH":
            self._tables.pop(device, None)
            return Told(device, died=True)
        if kind == "DBIRTH":
            return self._born(device, payload)
        return self._data(device, payload)

    def _node_born(self, payload: Payload) -> Told:
        self.forget()
        self._seq = payload.seq
        self._death = _death_number(payload)
        self.born = True
        return self._born("", payload)

    def _node_died(self, payload: Payload) -> Told:
        number = _death_number(payload)
        if self.born and None not in (number, self._death) and number != self._death:
            return Told()  # the last will of an earlier connection
        self.forget()
        return Told(died=True)

    def _born(self, device: str, payload: Payload) -> Told:
        known = sum(len(table.types) for owner, table in self._tables.items() if owner != device)
        if len(self._tables) > MOST_DEVICES or known + len(payload.metrics) > MOST_METRICS:
            raise Unreadable(f"more than {MOST_DEVICES} devices or {MOST_METRICS} metrics of one node")
        table = _Table({}, {})
        twice: set[int] = set()
        for metric in payload.metrics:
            table.types[metric.name] = metric.datatype
            if metric.alias is not None:
                if metric.alias in table.names:
                    twice.add(metric.alias)
                table.names[metric.alias] = metric.name
        for alias in twice:  # belongs to nobody rather than to the wrong one
            del table.names[alias]
        self._tables[device] = table
        return Told(
            device, [(metric.name, metric, metric.datatype) for metric in payload.metrics], birth=True
        )

    def _data(self, device: str, payload: Payload) -> Told:
        table = self._tables.get(device)
        if table is None:
            return Told(device, doubt=f"data before the birth of device {device}")
        metrics = []
        for metric in payload.metrics:
            name = metric.name
            if not name:
                found = table.names.get(metric.alias) if metric.alias is not None else None
                if found is None:
                    self.forget()
                    return Told(device, doubt=f"alias {metric.alias} was not in the birth")
                name = found
            metrics.append((name, metric, metric.datatype or table.types.get(name, 0)))
        return Told(device, metrics)


def _death_number(payload: Payload) -> int | float | bool | str | None:
    for metric in payload.metrics:
        if metric.name == "bdSeq":
            try:
                return metric.value(metric.datatype)
            except Unreadable:
                return None
    return None
