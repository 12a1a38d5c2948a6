"""Points lists as files: what is understood, refused, written, and given out again."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.people import SYSTEM, Actor
from core.errors import AppError
from core.services import devices, points_import, points_list, sheets
from core.services.points_words import HEADINGS
from core.storage.tables import JournalRow, PointRow
from core.wire.device_library import PointsImported
from core.wire.fleet import PointView, SaveDevice, SavePoint
from tests.hub.conftest import Plant
from tests.hub.running import RunningHub


@pytest.fixture
def plc(plant: Plant, now: datetime) -> int:
    device = SaveDevice(name="PLC", kind="modbus_tcp", config={"host": "10.0.0.5"})
    return devices.create_device(SYSTEM, plant.edge.id, device, now=now).id


def take(plc: int, text: str | bytes, now: datetime, **more: Any) -> PointsImported:
    content = text.encode() if isinstance(text, str) else text
    return points_import.take(SYSTEM, plc, "list.csv", content, **({"dry_run": False, "now": now} | more))


def bare(points: list[PointView]) -> list[dict[str, Any]]:
    return [point.model_dump(exclude={"id", "version"}) for point in points]


@pytest.mark.parametrize(
    ("text", "area", "place"),
    [
        ("40001", None, ("holding", 0, None)),
        ("400001", None, ("holding", 0, None)),
        ("465536", None, ("holding", 65535, None)),
        ("30010", None, ("input", 9, None)),
        ("10001", None, ("discrete", 0, None)),
        ("00017", None, ("coil", 16, None)),
        ("40001.3", None, ("holding", 0, 3)),
        ("40001", "holding", ("holding", 40001, None)),
        ("holding 0", None, ("holding", 0, None)),
        ("HR12", None, ("holding", 12, None)),
        ("保持寄存器 7", None, ("holding", 7, None)),
        ("coil:3", None, ("coil", 3, None)),
        ("4x0001", None, ("holding", 0, None)),
        ("3X12", None, ("input", 11, None)),
        ("0x10", "holding", ("holding", 16, None)),
        ("0x10", None, ("coil", 9, None)),
        ("0x2100", "holding", ("holding", 0x2100, None)),
        ("0x1F", None, (None, 31, None)),
        ("2100H", None, (None, 0x2100, None)),
        ("１２", None, (None, 12, None)),
        ("120", "input", ("input", 120, None)),
    ],
)
def test_an_address_is_understood_as_people_write_it(text: str, area: str | None, place: object) -> None:
    assert points_list.place(text, area) == place


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "pattern"), ("abc", "pattern"), ("70000", "out_of_range"), ("49999999", "out_of_range"),
     ("40000", "out_of_range"), ("foo 3", "unknown"), ("5.99", "out_of_range"), ("-3", "unknown"),
     ("9" * 5000, "out_of_range")],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(points_list.Bad) as refused:
        points_list.place(text, None)
    assert refused.value.code == code


def test_a_chinese_list_is_taken_in(plc: int, now: datetime) -> None:
    text = "\n".join(
        [
            "名称,单位,数据区,地址,数据类型,字节序,系数,枚举,可写,写入上限",
            "//示例,,,0,,,,,,",
            "油温,℃,保持寄存器,0,浮点数,CDAB,,,,",
            "电流,A,,40011,WORD,,0.1,,,",
            "状态,,03,20,,,,0=停止; 1=运行,,",
            "频率设定,Hz,HR,0x2001,INT,,0.01,,是,50",
            ",,,,,,,,,",
        ]
    )
    for encoded in (text.encode("gb18030"), text.encode("utf-8-sig"), text.encode("utf-16")):
        tried = take(plc, encoded, now, dry_run=True)
        assert (tried.added, tried.faults) == (4, []) and PointRow.select().count() == 0
        assert JournalRow.select().where(JournalRow.verb == "device.points_imported").count() == 0
    done = take(plc, text, now)
    assert (done.added, done.changed, done.unchanged) == (4, 0, 0)
    assert [(p.row, p.name, p.area, p.address) for p in done.points][1] == (4, "电流", "holding", 10)
    oil, amps, state, wanted = devices.points(SYSTEM, plc)
    assert (oil.type, oil.order, oil.unit) == ("float32", "CDAB", "℃")
    assert (amps.type, amps.scale) == ("uint16", 0.1)
    assert state.words_of == {"0": "停止", "1": "运行"}
    assert (wanted.address, wanted.writable, wanted.write_high, wanted.type) == (0x2001, True, 50, "int16")
    assert take(plc, text, now).unchanged == 4
    assert JournalRow.select().where(JournalRow.verb == "device.points_imported").count() == 1


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_what_was_given_out_changes_nothing_when_taken_in(
    plant: Plant, plc: int, now: datetime, format_: sheets.Format
) -> None:
    wanted = [
        SavePoint(name="=cmd|' /C calc'!A0", unit="%", address=65_535),
        SavePoint(name="'=quoted", address=7, area="input", type="int32", order="BADC", scale=-0.001, offset=1e-7),
        SavePoint(name="factor", address=3, type="int16", missing="sunspec"),
        SavePoint(name="scaled", address=4, scale_point="", asset_id=plant.press.id, poll_ms=500),
        SavePoint(name="text, \"quoted\"\nline", address=9, type="string", words=12, words_of={"A;b": "c=d", "x": "y"}),
        SavePoint(name="bits", address=2, bit=3, bits=4, writable=True, write_low=0, write_high=9.5, active=False),
        SavePoint(name="twin", address=11),
        SavePoint(name="twin", address=12),
        SavePoint(name="// slashes", area="coil", address=12, words_of={"0": "停", "1": "开"}),
        SavePoint(name="-5", address=13, type="bcd32", order="DCBA", missing="sunspec_acc"),
    ]  # fmt: skip
    for one in wanted:
        devices.create_point(SYSTEM, plc, one, now=now)
    factor = next(point for point in devices.points(SYSTEM, plc) if point.name == "factor")
    row = PointRow.get(PointRow.name == "scaled")
    devices.save_point(
        SYSTEM, row.id, SavePoint(name="scaled", address=4, scale_point=str(factor.id), poll_ms=500), now=now
    )
    before = devices.points(SYSTEM, plc)
    file = points_import.export(plant.boss, plc, format_)
    result = points_import.take(SYSTEM, plc, file.name, file.content, dry_run=False, now=now)
    assert result.faults == []
    assert (result.added, result.changed, result.unchanged) == (0, 0, len(wanted))
    assert devices.points(SYSTEM, plc) == before
    other = SaveDevice(name="Copy", kind="modbus_tcp", config={"host": "h"})
    copy = devices.create_device(SYSTEM, plant.edge.id, other, now=now).id
    alone = [line for line in sheets.rows(file.name, file.content) if line[0] != "twin"]
    copied = points_import.take(
        SYSTEM, copy, "c", sheets.write("c", alone, "csv").content, dry_run=False, now=now
    )
    assert copied.faults == [] and copied.added == len(wanted) - 2


def test_faults_are_named_and_nothing_is_written(plc: int, now: datetime) -> None:
    text = "\n".join(
        [
            "Name;Area;Address;Type;Scale;Bit;Scale factor point;Colour;Asset",
            "a;holding;70000;REAL;1;;;;",
            "b;holding;1;quux;one;;;;",
            ";holding;1;;;;;;",
            "c;holding;1;BOOL;;;;;",
            "d;holding;1;FLOAT;0;;;;",
            "e;holding;1;;;;nobody;;",
            "f;holding;;;;;;;",
            "g;holding;5;;0,5;;;;",
            "g;holding;6;;;;;;",
            "h;holding;6;;;;;;A-77777",
        ]
    )
    result = take(plc, text, now)
    assert [(fault.row, fault.column, fault.code) for fault in result.faults] == [
        (1, "Colour", "column"),
        (2, "Address", "out_of_range"),
        (3, "Type", "unknown"),
        (3, "Scale", "invalid"),
        (4, "Name", "missing"),
        (5, "Bit", "missing"),
        (6, "Scale", "zero"),
        (7, "Scale factor point", "unknown"),
        (8, "Address", "missing"),
        (10, "Name", "twice"),
        (11, "Asset", "unknown"),
    ]
    assert devices.points(SYSTEM, plc) == []


def test_fields_without_a_column_stay(plc: int, now: datetime) -> None:
    devices.create_point(SYSTEM, plc, SavePoint(name="a", address=1, scale=0.5, unit="A"), now=now)
    devices.create_point(SYSTEM, plc, SavePoint(name="b", address=2), now=now)
    done = take(plc, "tag\tregister\na\t9\n", now)
    assert (done.changed, done.unchanged) == (1, 0)
    changed, other = devices.points(SYSTEM, plc)
    assert (changed.address, changed.scale, changed.unit, other.address) == (9, 0.5, "A", 2)


def test_the_template_is_a_list(plant: Plant, plc: int, now: datetime) -> None:
    for format_ in ("csv", "xlsx"):
        file = points_import.template(plant.boss, format_)  # type: ignore[arg-type]  # one of both
        with pytest.raises(AppError) as empty:
            points_import.take(SYSTEM, plc, file.name, file.content, dry_run=False, now=now)
        assert empty.value.code == "import.no_rows"
        table = sheets.rows(file.name, file.content)
        table.append([*["新点", "", "", "40007"], *[""] * 8])
        again = sheets.write("x", table, format_)  # type: ignore[arg-type]  # one of both
        assert points_import.take(SYSTEM, plc, again.name, again.content, dry_run=True, now=now).added == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xd0\xcf\x11\xe0 old", "sheet.old_workbook"),
        (b"PK\x03\x04 broken", "sheet.unreadable"),
        (b"\xff\xff\xff\x80\x81", "sheet.unreadable"),
        (b"a,b\n1,2\n", "import.no_heading"),
        (b"", "import.no_heading"),
        (b"name,address\n", "import.no_rows"),
        (b"name,address\n" + b"a,1\n" * 5001, "sheet.too_many"),
        (b"name,address" + b",x" * 200, "sheet.too_many"),
        (b"x" * (8 * 1024 * 1024 + 1), "sheet.too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_list_is_refused(plc: int, now: datetime, content: bytes, code: str) -> None:
    with pytest.raises(AppError) as refused:
        take(plc, content, now)
    assert refused.value.code == code


def test_a_workbook_that_unpacks_to_much_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (49 * 1024 * 1024))
    with pytest.raises(AppError) as refused:
        sheets.rows("bomb.xlsx", packed.getvalue())
    assert refused.value.code == "sheet.too_large"


def test_a_workbook_with_a_document_type_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["name", "address"])  # type: ignore[union-attr]  # a new book has a sheet
    book.save(tmp_path / "a.xlsx")
    packed = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as old, zipfile.ZipFile(packed, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/workbook.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content
            new.writestr(part.filename, content)
    with pytest.raises(AppError) as refused:
        sheets.rows("a.xlsx", packed.getvalue())
    assert refused.value.code == "sheet.unreadable"
    assert sheets.rows("a.xlsx", (tmp_path / "a.xlsx").read_bytes()) == [["name", "address"]]


def test_exports_hold_no_formulas(plant: Plant, plc: int, now: datetime) -> None:
    for name in ("=1+1", "+1+1", "-1+1", "@SUM(A1)"):
        devices.create_point(SYSTEM, plc, SavePoint(name=name), now=now)
    text = points_import.export(plant.boss, plc, "csv").content.decode("utf-8-sig")
    assert [line[:2] for line in text.splitlines()[1:]] == ["'=", "'+", "'-", "'@"]
    book = openpyxl.load_workbook(io.BytesIO(points_import.export(plant.boss, plc, "xlsx").content))
    assert "f" not in {cell.data_type for row in book.active.iter_rows() for cell in row}  # type: ignore[union-attr]


@settings(deadline=None, max_examples=40)
@given(st.text(min_size=1, max_size=30))
def test_any_text_survives_a_cell(text: str) -> None:
    text = text.strip()
    kept = "".join(c for c in text if c.isprintable())
    for format_ in ("csv", "xlsx"):
        file = sheets.write("t", [["head", "x"], [kept, "x"]], format_)  # type: ignore[arg-type]  # one of both
        assert sheets.plain(sheets.rows(file.name, file.content)[1][0]) == kept.strip()


def test_who_may_not_edit_may_not_import(plant: Plant, plc: int, now: datetime) -> None:
    technician: Actor = plant.actor(plant.wang)
    with pytest.raises(AppError) as refused:
        points_import.take(technician, plc, "l", b"name,address\na,1\n", dry_run=True, now=now)
    assert refused.value.status == 403


def test_the_doors_take_and_give_lists(hub: RunningHub) -> None:
    edge = hub.post("/edges", {"name": "Hall"})
    body = {"map": "xy_md02", "name": "Sensor", "kind": "modbus_tcp", "config": {"host": "h"}, "rules": [0]}
    device = hub.post(f"/edges/{edge['id']}/devices/from-library", body)
    path = f"/devices/{device['id']}/points"
    with hub.client(hub.token) as client:
        listed = client.get(f"{path}/export", params={"format": "csv"})
        assert listed.headers["content-type"] == "text/csv; charset=utf-8"
        more = listed.content + "冷却水,℃,,30010,REAL\r\n".encode()
        by_query = client.post(f"{path}/import", params={"dry_run": "true"}, files={"file": ("a.csv", more)})
        by_form = client.post(f"{path}/import", data={"dry_run": "true"}, files={"file": ("a.csv", more)})
        assert by_query.json() == by_form.json() and by_form.json()["added"] == 1
        assert len(client.get(path).json()) == 2
        done = PointsImported.model_validate(
            client.post(f"{path}/import", files={"file": ("a.csv", more)}).json()
        )
        assert (done.added, done.unchanged, done.faults) == (1, 2, [])
        added = done.points[-1]
        assert (added.area, added.address, added.type) == ("input", 9, "float32")
        assert len(client.get(path).json()) == 3
        wrong = client.post(f"{path}/import", files={"file": ("a.csv", b"what,ever\n1,2\n")})
        assert wrong.status_code == 422 and wrong.json()["code"] == "import.no_heading"
        for format_ in ("csv", "xlsx"):
            assert client.get("/points-template", params={"format": format_}).status_code == 200


def test_every_column_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")
    assert [
        word
        for chinese, english, _others in HEADINGS.values()
        for word in (chinese, english)
        if word not in manual
    ] == []
