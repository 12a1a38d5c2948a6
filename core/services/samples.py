"""The sample plant: read from `assets/demo/plant.<language>.toml` and entered through the services, as people would.

Loading again adds only what is missing; what people have changed meanwhile stays as they left it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from core.domain.people import Actor
from core.errors import AppError
from core.paths import ASSETS
from core.services import (
    assets,
    devices,
    edge_configs,
    failure_codes,
    fleet,
    locations,
    parts,
    people,
    plans,
    settings,
)
from core.storage import db
from core.wire.assets import SaveAsset, SaveFailureCode, SaveLocation
from core.wire.fleet import SaveDevice, SaveEdge, SavePoint, SaveRule
from core.wire.parts import MoveStock, SavePart
from core.wire.people import SavePerson, SaveShift, SaveTeam
from core.wire.plans import KitLine, SavePlan


class _Named(Protocol):
    id: int


def read(language: str) -> dict[str, Any]:
    """The sample plant in one language; AppError `sample.unknown_language`."""
    file = ASSETS / "demo" / f"plant.{language}.toml"
    if not file.is_file():
        raise AppError("sample.unknown_language", f"no sample plant in {language}", language=language)
    with file.open("rb") as source:
        return tomllib.load(source)


@db.transaction
def load(language: str, actor: Actor, *, now: datetime) -> dict[str, int]:
    """Enter the sample plant, whole or not at all; returns how many of each kind were added.

    Its people get log-ins without a password; an administrator sets those.
    """
    loader = _Loader(read(language), language, actor, now)
    loader.people()
    loader.places_and_assets()
    loader.parts()
    loader.plans()
    loader.edge()
    return loader.added


class _Loader:
    """One loading: what it reads from, and the ids of what is there already or was made, by kind and key."""

    def __init__(self, plant: Mapping[str, Any], language: str, actor: Actor, now: datetime) -> None:
        self.plant, self.actor, self.now = plant, actor, now
        self.language = language
        self.ids: dict[str, dict[str, int]] = {}
        self.added: dict[str, int] = {}

    def known(self, kind: str, found: Iterable[tuple[str, _Named]]) -> None:
        """Note what is there already."""
        self.ids[kind] = {key: item.id for key, item in found}

    def keep(self, kind: str, key: str, make: Callable[..., _Named], *request: object) -> bool:
        """Make what is not there; whether it was made."""
        if key in self.ids[kind]:
            return False
        self.ids[kind][key] = make(self.actor, *request, now=self.now).id
        self.added[kind] = self.added.get(kind, 0) + 1
        return True

    def people(self) -> None:
        """Teams, shifts and persons."""
        actor, teams, shifts = self.actor, dict[str, int](), dict[str, int]()
        self.known("teams", ((team.name, team) for team in people.teams(actor)))
        for team in self.plant["teams"]:
            self.keep("teams", team["name"], people.save_team, SaveTeam(name=team["name"]))
            teams[team["key"]] = self.ids["teams"][team["name"]]
        self.known("shifts", ((shift.name, shift) for shift in people.shifts(actor)))
        for shift in self.plant["shifts"]:
            start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (shift["start"], shift["end"]))
            turn = SaveShift(name=shift["name"], weekdays=shift["weekdays"], start_min=start, end_min=end)
            self.keep("shifts", shift["name"], people.save_shift, turn)
            shifts[shift["key"]] = self.ids["shifts"][shift["name"]]
        self.known("people", ((one.login or "", one) for one in people.persons(actor, now=self.now)))
        for person in self.plant["people"]:
            request = SavePerson.model_validate(
                _without(person, "teams", "shifts")
                | {
                    "language": self.language,
                    "team_ids": [teams[key] for key in person["teams"]],
                    "shift_ids": [shifts[key] for key in person["shifts"]],
                }
            )
            self.keep("people", person["login"], people.create_person, request)
        self.ids["teams"] = teams

    def places_and_assets(self) -> None:
        """Locations, assets and failure codes."""
        actor, places = self.actor, dict[str, int]()
        self.known(
            "locations",
            ((f"{place.kind}/{place.parent_id}/{place.name}", place) for place in locations.listed(actor)),
        )
        for place in self.plant["locations"]:
            parent = places.get(place.get("parent", ""))
            key = f"{place['kind']}/{parent}/{place['name']}"
            site = SaveLocation(kind=place["kind"], name=place["name"], parent_id=parent)
            self.keep("locations", key, locations.create, site)
            places[place["key"]] = self.ids["locations"][key]
        self.known("assets", ((asset.number, asset) for asset in assets.listed(actor, retired=True)))
        for asset in self.plant["assets"]:
            request = SaveAsset.model_validate(
                _without(asset, "location", "parent", "team")
                | {
                    "location_id": places[asset["location"]],
                    "parent_id": self.ids["assets"][asset["parent"]] if "parent" in asset else None,
                    "team_id": self.ids["teams"][asset["team"]],
                }
            )
            self.keep("assets", asset["number"], assets.create, request)
        codes = failure_codes.listed(actor)
        self.known("failure_codes", ((f"{code.category}/{code.kind}/{code.code}", code) for code in codes))
        for code in self.plant["failure_codes"]:
            key = f"{code['category']}/{code['kind']}/{code['code']}"
            self.keep("failure_codes", key, failure_codes.save, SaveFailureCode.model_validate(code))

    def parts(self) -> None:
        """Parts with what lies in stock."""
        self.known("parts", ((part.number, part) for part in parts.listed(self.actor)))
        for part in self.plant["parts"]:
            # The minimum comes last: a part that lies there already is not to be ordered at once.
            facts = _without(part, "stock", "unit_cost_minor")
            bare = SavePart.model_validate(facts | {"minimum": 0})
            if not self.keep("parts", part["number"], parts.create, bare):
                continue
            part_id = self.ids["parts"][part["number"]]
            if Decimal(part["stock"]):
                stock = MoveStock(
                    kind="receive", qty=Decimal(part["stock"]), unit_cost_minor=part["unit_cost_minor"]
                )
                parts.move(self.actor, part_id, stock, now=self.now)
            parts.save(self.actor, part_id, SavePart.model_validate(facts), now=self.now)

    def plans(self) -> None:
        """Plans; `due_in_days` counts from today in the plant's time zone."""
        today = self.now.astimezone(settings.zone()).date()
        self.known("plans", ((plan.name, plan) for plan in plans.listed(self.actor, now=self.now)))
        for plan in self.plant["plans"]:
            request = SavePlan.model_validate(
                _without(plan, "due_in_days", "team", "assets", "steps")
                | {
                    "start_on": today + timedelta(days=plan["due_in_days"]),
                    "team_id": self.ids["teams"][plan["team"]],
                    "asset_ids": [self.ids["assets"][number] for number in plan["assets"]],
                    "procedure": plan["steps"],
                    "kit": self._kit(plan["kit"]),
                }
            )
            self.keep("plans", plan["name"], plans.create, request)

    def edge(self) -> None:
        """The edge with its devices, points and rules, pushed when anything was added."""
        actor, edge = self.actor, self.plant["edge"]
        self.known("edges", ((one.edge_id, one) for one in fleet.edges(actor)))
        self.keep("edges", edge["edge_id"], fleet.create_edge, SaveEdge.model_validate(edge))
        edge_pk = self.ids["edges"][edge["edge_id"]]
        before = dict(self.added)
        self.known("devices", ((device.name, device) for device in devices.devices(actor, edge_pk)))
        for device in self.plant["devices"]:
            request = SaveDevice(
                name=device["name"],
                kind=device["kind"],
                asset_id=self.ids["assets"][device["asset"]],
                config=device["config"],
            )
            self.keep("devices", device["name"], partial(_under, devices.create_device, edge_pk), request)
            self._points(device, self.ids["devices"][device["name"]])
        if self.added != before:
            edge_configs.push(actor, edge_pk, now=self.now)

    def _points(self, device: Mapping[str, Any], device_id: int) -> None:
        names = {}
        self.known("points", ((point.name, point) for point in devices.points(self.actor, device_id)))
        for point in device["points"]:
            names[point["key"]] = point["name"]
            request = SavePoint.model_validate(
                _without(point, "key", "asset")
                | ({"asset_id": self.ids["assets"][point["asset"]]} if "asset" in point else {})
            )
            self.keep("points", point["name"], partial(_under, devices.create_point, device_id), request)
        for rule in device["rules"]:
            point_id = self.ids["points"][names[rule["point"]]]
            self.known("rules", ((one.name, one) for one in devices.rules(self.actor, point_id)))
            wanted = SaveRule.model_validate(
                _without(rule, "point", "team")
                | {"team_id": self.ids["teams"][rule["team"]], "kit": self._kit(rule["kit"])}
            )
            self.keep("rules", rule["name"], partial(_under, devices.create_rule, point_id), wanted)

    def _kit(self, lines: Iterable[Mapping[str, str]]) -> list[KitLine]:
        return [KitLine(part_id=self.ids["parts"][line["part"]], qty=Decimal(line["qty"])) for line in lines]


def _under(
    make: Callable[..., _Named], parent_id: int, actor: Actor, request: object, *, now: datetime
) -> _Named:
    """A thing made below another one: services take the parent's id after the actor."""
    return make(actor, parent_id, request, now=now)


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}
