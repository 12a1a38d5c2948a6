"""`fettle edge probe`: says what is behind an address, guesses how a value is kept, writes a device for `--config`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from core import i18n
from core.errors import AppError, FettleError
from core.i18n import _, fill, label
from core.wire import sunspec
from core.wire.edge_config import ModbusDevice, ModbusRtuDevice, ModbusRtuTcpDevice, ModbusTcpDevice
from edge_agent import guesses
from edge_agent.probe import search

_MOST_POINTS = 60  # of a saved device whose registers nobody has named


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when a unit answered, 1 when none did or nothing could be done."""
    i18n.use(i18n.from_environment())
    given = _parser().parse_args(argv)
    try:
        device, units = _device(given), _units(given.units)
        wanted = [guesses.expected(text) for text in given.expect]
        found = asyncio.run(search(device, *units, _progress, given.most_seconds))
    except ValueError as error:
        print(f"fettle edge probe: {error}", file=sys.stderr)
        return 2
    except FettleError as error:
        print(f"fettle edge probe: {i18n.explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        _progress("", 0, 0)
    for unit in found["units"]:
        unit["guesses"] = [
            [guess.shown() for guess in guesses.rank(value, tolerance, _runs(unit))]
            for value, tolerance in wanted
        ]
    print(json.dumps(found, ensure_ascii=False, indent=1) if given.json else _as_text(found, wanted))
    try:
        if given.save and found["units"]:
            _save(given.save, device, found["units"], given.models)
    except (OSError, ValueError, KeyError) as error:
        print(f"fettle edge probe: {error}", file=sys.stderr)
        return 1
    return 0 if found["units"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "fettle edge probe", description=_("Look for Modbus units and what can be read of them.")
    )
    parser.add_argument(
        "address", nargs="?", metavar="HOST[:PORT]", help=_("Device or gateway on the network.")
    )
    parser.add_argument("--rtu", metavar="PORT", help=_("Serial port, such as /dev/ttyUSB0 or COM3."))
    parser.add_argument("--baud", type=int, default=9600, help=_("Speed of the serial port."))
    parser.add_argument("--parity", choices=["none", "even", "odd"], default="none")
    parser.add_argument("--stop-bits", type=int, choices=[1, 2], default=1)
    parser.add_argument(
        "--rtu-over-tcp",
        action="store_true",
        help=_("HOST is a serial server that passes RTU frames through."),
    )
    parser.add_argument("--units", default="1-10", metavar="1-10", help=_("Units to look for."))
    parser.add_argument("--timeout-ms", type=int, default=300, help=_("Longest wait for an answer."))
    parser.add_argument("--most-seconds", type=float, default=120, help=_("Longest search."))
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="23.5±0.5",
        help=_("A value that the machine shows now: where and how it could be kept."),
    )
    parser.add_argument("--save", type=Path, metavar="FILE.yaml", help=_("Write a device for --config."))
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help=_("Folder of SunSpec's model files, for --save.")
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON document instead of a table"))
    return parser


def _device(given: argparse.Namespace) -> ModbusDevice:
    common: dict[str, Any] = {"id": "found", "name": "found", "timeout_ms": given.timeout_ms}
    if given.rtu:
        return ModbusRtuDevice(
            serial_port=given.rtu,
            baud_rate=given.baud,
            parity=given.parity,
            stop_bits=given.stop_bits,
            **common,
        )
    if not given.address:
        raise AppError("probe.no_address", "neither HOST nor --rtu")
    host, port = given.address, 502
    before, colon, after = given.address.rpartition(":")
    if colon and after.isdecimal() and (":" not in before or before.endswith("]")):
        host, port = before, int(after)
    kind = ModbusRtuTcpDevice if given.rtu_over_tcp else ModbusTcpDevice
    return kind(host=host.strip("[]"), port=port, **common)


def _units(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() if dash else True)):
        raise AppError("probe.bad_units", f"no units: {text}", text=text)
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= 255:
        raise AppError("probe.bad_units", f"no units: {text}", text=text)
    return low, high


def _progress(stage: str, unit: int, requests: int) -> None:
    if not sys.stderr.isatty():
        return
    line = fill(
        _("unit {unit}: {stage}, {n} requests"), {"unit": str(unit), "stage": stage, "n": str(requests)}
    )
    print(f"\r\033[K{line if stage else ''}", end="", file=sys.stderr, flush=True)


def _runs(unit: dict[str, Any]) -> list[tuple[str, int, bytes]]:
    return [
        (run["area"], run["address"], b"".join(word.to_bytes(2, "big") for word in run["words"]))
        for run in unit["registers"]
    ]


# ---------------------------------------------------------------- words


def _as_text(found: dict[str, Any], wanted: Sequence[tuple[float, float]]) -> str:
    lines = []
    for unit in found["units"]:
        said = ", ".join(unit["identity"].values())
        lines.append(
            fill(_("Unit {unit} answers"), {"unit": str(unit["unit"])}) + (f": {said}" if said else "")
        )
        if unit["sunspec"] is not None:
            models = ", ".join(f"{model['id']} @ {model['address']}" for model in unit["models"])
            lines.append(
                "  "
                + fill(_("SunSpec at {base}: models {models}"), _texts(base=unit["sunspec"], models=models))
            )
        for one in unit["ranges"]:
            end = f"{one['last']} …" if one["more"] else str(one["last"])
            span = end if one["first"] == one["last"] else f"{one['first']}-{end}"
            lines.append(f"  {label('point.area.' + one['area'])} {span}")
        for (value, tolerance), ranked in zip(wanted, unit["guesses"], strict=True):
            lines.append(
                "  "
                + fill(
                    _("{value} ± {tolerance} could be:"),
                    _texts(value=f"{value:g}", tolerance=f"{tolerance:g}"),
                )
            )
            lines += [f"    {_reading(guess)}" for guess in ranked]
            if not ranked:
                lines.append("    " + _("nothing of what was read"))
    if not found["units"]:
        lines.append(
            _("No unit answers. Check the address, the line's speed and parity, and the unit numbers.")
        )
    if not found["complete"]:
        lines.append(_("The search was cut short; narrow --units or give more --most-seconds."))
    counts = _texts(requests=found["requests"], seconds=found["seconds"])
    lines.append(fill(_("{requests} requests in {seconds} s"), counts))
    return "\n".join(lines)


def _texts(**things: object) -> dict[str, str]:
    return {name: str(thing) for name, thing in things.items()}


def _reading(guess: dict[str, Any]) -> str:
    scale = f" × {guess['scale']:g}" if guess["scale"] != 1 else ""
    where = f"{label('point.area.' + guess['area'])} {guess['address']}"
    return f"{where}  {guess['type']} {guess['order']}{scale} = {guess['value']:g}"


# ---------------------------------------------------------------- a file


def _save(file: Path, device: ModbusDevice, units: list[dict[str, Any]], models: Path | None) -> None:
    devices, points = [], []
    for unit in units:
        key = f"unit-{unit['unit']}"
        name = unit["identity"].get("product") or unit["identity"].get("model") or key
        fields = device.model_dump(exclude_defaults=True, exclude={"id", "name"})
        devices.append({"id": key, "name": name, "kind": device.kind, **fields, "unit": unit["unit"]})
        points += [point | {"device": key} for point in _points(unit, models, key)]
    document = {"devices": devices, "points": points, "rules": []}
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    print(fill(_("Written: {file}; try it with: fettle edge check {file}"), {"file": str(file)}))


def _points(unit: dict[str, Any], models: Path | None, key: str) -> list[dict[str, Any]]:
    """What is known best: SunSpec's own points, else the likeliest guesses, else plain registers."""
    if models is not None and unit["models"]:
        return [point for model in unit["models"] for point in _sunspec_points(model, models, key)]
    best = [ranked[0] for ranked in unit["guesses"] if ranked]
    if best:
        return [
            {"id": f"{key}-value-{number}", "name": f"{guess['value']:g}", **guesses.point(guess)}
            for number, guess in enumerate(best, start=1)
        ]
    plain = [
        {
            "id": f"{key}-{one['area']}-{address}",
            "name": f"{one['area']} {address}",
            "area": one["area"],
            "address": address,
        }
        for one in unit["ranges"]
        for address in range(one["first"], one["last"] + 1)
    ]
    return plain[:_MOST_POINTS]


def _id(key: str, model: dict[str, int], point: str) -> str:
    return f"{key}-m{model['id']}-{point}"[:40]


def _sunspec_points(model: dict[str, int], models: Path, key: str) -> list[dict[str, Any]]:
    file = models / f"model_{model['id']}.json"
    if not file.exists():
        return []
    read = sunspec.points(json.loads(file.read_text(encoding="utf-8")), model["address"], model["length"])
    found = []
    for point in read:
        fields = point.model_dump(exclude_defaults=True, exclude={"key", "name"})
        if point.scale_point:
            fields["scale_point"] = _id(key, model, point.scale_point)
        found.append({"id": _id(key, model, point.key), "name": point.name["en"], **fields})
    return found
