"""What points, rules and devices can say wrongly: each fault names its field, and what passes is taken by the edge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.people import SYSTEM
from core.errors import AppError
from core.services import devices
from core.wire import config_checks
from core.wire.edge_config import RuleConfig
from core.wire.fleet import PointView, SaveDevice, SavePoint, SaveRule
from core.wire.rule_logic import domain_rule
from tests.hub.conftest import Plant


@pytest.fixture
def plc(sqlite_plant: Plant, now: datetime) -> int:
    return device(sqlite_plant, now).id


def device(plant: Plant, now: datetime, kind: str = "modbus_tcp", **config: Any) -> Any:
    config = ({"host": "h"} if kind == "modbus_tcp" else {}) | config
    asked = SaveDevice.model_validate({"name": "D", "kind": kind, "config": config})
    return devices.create_device(SYSTEM, plant.edge.id, asked, now=now)


def point(device_id: int, now: datetime, name: str = "P", **values: Any) -> PointView:
    return devices.create_point(SYSTEM, device_id, SavePoint(name=name, **values), now=now)


def refused(call: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(AppError) as caught:
        call()
    return caught.value.code, caught.value.fields


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"bit": 12, "bits": 5}, "point.bits_beyond", "bits"),
        ({"bits": 3}, "point.bit_missing", "bit"),
        ({"type": "string", "words": 121}, "point.too_wide", "words"),
        ({"type": "string", "words": 9, "address": 65_530}, "point.beyond_end", "address"),
        ({"words_of": {"1": "on"}, "scale_point": "1"}, "point.words_and_scale", "words_of"),
        ({"scale_point": "99"}, "point.scale_unknown", "scale_point"),
        ({"scale_point": "x"}, "point.scale_unknown", "scale_point"),
        ({"area": "input", "writable": True}, "point.write_not_here", "writable"),
        ({"writable": True, "write_low": 5, "write_high": 4}, "point.write_range", "write_high"),
    ],
)
def test_bad_points(
    sqlite_plant: Plant, now: datetime, values: dict[str, Any], code: str, field: str
) -> None:
    small = device(sqlite_plant, now, max_registers=120).id
    assert refused(lambda: point(small, now, **values)) == (code, {field: refused_word(code)})


def refused_word(code: str) -> str:
    return {
        "point.bits_beyond": "too_high", "point.bit_missing": "missing", "point.too_wide": "out_of_range",
        "point.beyond_end": "too_high", "point.words_and_scale": "not_here", "point.scale_unknown": "unknown",
        "point.write_not_here": "not_here", "point.write_range": "out_of_range",
    }[code]  # fmt: skip


def test_several_faults_are_named_at_once(plc: int, now: datetime) -> None:
    code, fields = refused(lambda: point(plc, now, scale=0, bits=2, area="input", writable=True))
    assert code == "point.scale_zero" and list(fields) == ["scale", "bit", "writable"]


def test_a_figure_of_the_edge_must_be_one(sqlite_plant: Plant, now: datetime) -> None:
    edge = device(sqlite_plant, now, "edge").id
    assert point(edge, now, path="outbox_depth").path == "outbox_depth"
    assert refused(lambda: point(edge, now, path="mood"))[0] == "point.unknown_figure"


def test_a_scale_factor_is_a_plain_whole_number_of_the_same_device(
    sqlite_plant: Plant, plc: int, now: datetime
) -> None:
    factor = point(plc, now, "sf", type="int16", missing="sunspec")
    scaled = point(plc, now, scale_point=str(factor.id))
    for wrong in (point(plc, now, type="float32"), scaled):
        code, _fields = refused(lambda wrong=wrong: point(plc, now, scale_point=str(wrong.id)))
        assert code == "point.scale_unfit"
    stranger = point(device(sqlite_plant, now).id, now, "sf", type="int16")
    assert refused(lambda: point(plc, now, scale_point=str(stranger.id)))[0] == "point.scale_unknown"
    off = SavePoint(name="sf", type="int16", active=False)
    code, _fields = refused(lambda: devices.save_point(SYSTEM, factor.id, off, now=now))
    assert code == "point.in_use"


@pytest.mark.parametrize(
    ("rule", "code", "field"),
    [
        ({"condition": "high_high"}, "rule.limit_missing", "limit"),
        ({"condition": "outside", "limit": 1}, "rule.limit_high_missing", "limit_high"),
        ({"condition": "inside", "limit": 2, "limit_high": 1}, "rule.limits_crossed", "limit_high"),
        ({"condition": "equals"}, "rule.equals_missing", "equals"),
        ({"condition": "equals", "equals": ""}, "rule.equals_missing", "equals"),
        ({"condition": "stuck"}, "rule.after_missing", "after_s"),
        ({"condition": "rate", "limit": 1}, "rule.window_missing", "window_s"),
        ({"condition": "rate", "limit": 0, "window_s": 5}, "rule.limit_zero", "limit"),
        ({"condition": "step", "limit": -1, "window_s": 5}, "rule.limit_negative", "limit"),
        ({"condition": "deviation", "limit": 1}, "rule.other_missing", "other"),
        ({"condition": "deviation", "limit": 1, "other": "99"}, "rule.point_unknown", "other"),
        ({"condition": "all"}, "rule.terms_missing", "terms"),
        ({"condition": "any", "terms": [{"condition": "low"}]}, "rule.limit_missing", "terms.0.limit"),
        ({"condition": "any", "terms": [{"condition": "bit"}]}, "rule.does_not_fit", "terms.0.condition"),
        (
            {"condition": "any", "terms": [{"condition": "low", "limit": 1, "point": "77"}]},
            "rule.point_unknown",
            "terms.0.point",
        ),
        (
            {"condition": "high", "limit": 1, "suppress_when": [{"condition": "equals"}]},
            "rule.equals_missing",
            "suppress_when.0.equals",
        ),
        (
            {"condition": "high", "limit": 1, "schedule": [{"start": "08:00", "end": "08:00"}]},
            "rule.schedule_empty",
            "schedule.0.end",
        ),
    ],
)
def test_bad_rules(plc: int, now: datetime, rule: dict[str, Any], code: str, field: str) -> None:
    made = point(plc, now)
    asked = SaveRule.model_validate({"name": "R", **rule})
    found, fields = refused(lambda: devices.create_rule(SYSTEM, made.id, asked, now=now))
    assert (found, list(fields)) == (code, [field])


def test_words_take_no_limits_and_other_points_must_fit_too(plc: int, now: datetime) -> None:
    worded = point(plc, now, "state", words_of={"1": "on"})
    number = point(plc, now, "number")
    limit = SaveRule(name="R", condition="high", limit=1)
    assert refused(lambda: devices.create_rule(SYSTEM, worded.id, limit, now=now))[0] == "rule.does_not_fit"
    equals = SaveRule(name="R", condition="equals", equals="on")
    assert devices.create_rule(SYSTEM, worded.id, equals, now=now).equals == "on"
    apart = SaveRule(name="R", condition="deviation", limit=1, other=str(worded.id))
    assert refused(lambda: devices.create_rule(SYSTEM, number.id, apart, now=now))[0] == "rule.does_not_fit"


def test_a_point_that_a_rule_elsewhere_needs_stays_as_it_must_be(plc: int, now: datetime) -> None:
    here, there = point(plc, now, "here"), point(plc, now, "there")
    rule = SaveRule.model_validate(
        {"name": "Apart", "condition": "deviation", "limit": 1, "other": str(there.id)}
    )
    devices.create_rule(SYSTEM, here.id, rule, now=now)
    for changed, code in (
        ({"active": False}, "point.in_use"),
        ({"type": "bool", "bit": 1}, "rule.does_not_fit"),
    ):
        asked = SavePoint.model_validate({"name": "there", **changed})
        assert refused(lambda asked=asked: devices.save_point(SYSTEM, there.id, asked, now=now))[0] == code


def test_a_gateway_is_another_device_of_the_same_edge(sqlite_plant: Plant, now: datetime) -> None:
    gateway, behind = device(sqlite_plant, now), device(sqlite_plant, now)

    def save(one: Any, parent: str) -> Any:
        asked = SaveDevice(name="D", kind="modbus_tcp", config={"host": "h", "parent": parent})
        return devices.save_device(SYSTEM, one.id, asked, now=now)

    assert save(behind, str(gateway.id)).config["parent"] == str(gateway.id)
    assert refused(lambda: save(gateway, str(behind.id)))[0] == "device.parent_circle"
    assert refused(lambda: save(gateway, str(gateway.id)))[0] == "device.parent_circle"
    assert refused(lambda: save(gateway, "999"))[0] == "device.parent_unknown"


NUMBERS = st.one_of(st.none(), st.floats(-100, 100, allow_nan=False))
TERMS = st.fixed_dictionaries(
    {
        "condition": st.sampled_from(
            ["high_high", "high", "low", "low_low", "outside", "inside", "bit", "equals", "rate", "stuck", "no_data",
             "deviation", "step"]
        ),
        "limit": NUMBERS,
        "limit_high": NUMBERS,
        "equals": st.sampled_from([None, "", "x", 1.0, True]),
        "after_s": st.sampled_from([None, 5.0]),
        "window_s": st.sampled_from([None, 5.0]),
        "other": st.sampled_from(["", "7"]),
    }
)  # fmt: skip


@settings(deadline=None)
@given(TERMS, st.lists(TERMS, max_size=2), st.lists(TERMS, max_size=1), st.sampled_from(["", "all", "any"]))
def test_a_rule_without_faults_is_taken_by_the_edge(
    rule: dict[str, Any], terms: list[dict[str, Any]], suppress: list[dict[str, Any]], over: str
) -> None:
    shape = rule | {"id": "r", "name": "R", "point": "1", "terms": terms, "suppress_when": suppress}
    config = RuleConfig.model_validate(shape | ({"condition": over} if over else {}))
    faults = list(config_checks.rule_faults(config))
    try:
        domain_rule(config)
    except ValueError as error:
        assert faults, error
