"""Labels: tokens that are known once, and PDFs whose codes a reader really reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from reportlab.lib.units import mm

from core.domain import labels as domain
from core.domain.people import Actor, Role
from core.errors import AppError, Forbidden, NotFound
from core.hub import labels as printing
from core.services import assets, labels, locations, settings
from core.storage.tables import JournalRow, LabelRow
from core.wire.assets import PrintLabels, SaveAsset, SaveLocation
from tests.hub.actors import hub_in, person

NAMES = [
    "数控车床 CK6150 主轴单元",
    "一号线高速贴标机伺服驱动器与输送皮带传动总成（东侧）",
    "Kompressor Ä-7",
    "注塑机 ≤120℃ ±2",
]


@pytest.fixture
def admin(database: str, tmp_path: Path) -> Iterator[Actor]:
    with hub_in(tmp_path):
        yield person("Root", Role.ADMIN)


@pytest.fixture
def ids(admin: Actor, now: datetime) -> list[int]:
    hall = locations.create(admin, SaveLocation(kind="site", name="东莞工厂 二号厂房"), now=now)
    return [assets.create(admin, SaveAsset(name=name, location_id=hall.id), now=now).id for name in NAMES]


def samples(count: int, url: str = "https://fettle.example.cn") -> list[labels.Label]:
    made = []
    for n in range(count):
        token = labels._new_token()
        name, place = NAMES[n % len(NAMES)], "东莞工厂 / 二车间 / 一号线"
        code = domain.grouped(token)
        made.append(labels.Label(domain.payload(url, token), code, f"A-{n:05d}", name, place))
    return made


def pages(pdf: bytes, dpi: int) -> Iterator[list[str]]:
    """What a reader finds on each page printed at `dpi`."""
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        picture = page.render(scale=dpi / 72, grayscale=True).to_numpy()
        yield [found.text for found in zxingcpp.read_barcodes(picture.squeeze())]
    document.close()


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("preset", ["a4-3x8", "a4-2x5", "roll-50x30"])
def test_every_code_is_read_back(preset: str, dpi: int) -> None:
    sheet = printing.sheet_of(preset)
    made = samples(sheet.places + 2)
    pdf = printing.pdf(made, PrintLabels(asset_ids=[1], preset=preset), "zh_CN")
    read = [text for page in pages(pdf, dpi) for text in page]
    assert sorted(read) == sorted(label.payload for label in made)


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.100.200:8750",
        "https://maintenance.long-company-name.example.com",
        "https://a.cn/fettle",
    ],
)
def test_other_addresses_are_read_back_too(url: str) -> None:
    made = samples(3, url)
    pdf = printing.pdf(made, PrintLabels(asset_ids=[1], preset="a4-2x5"))
    assert sorted(text for page in pages(pdf, 203) for text in page) == sorted(
        label.payload for label in made
    )


def test_labels_begin_at_the_first_free_place() -> None:
    made = samples(3)
    pdf = printing.pdf(made, PrintLabels(asset_ids=[1], start=23))
    assert [len(page) for page in pages(pdf, 203)] == [2, 1]
    with pytest.raises(AppError) as caught:
        printing.pdf(made, PrintLabels(asset_ids=[1], start=25))
    assert caught.value.code == "label.start" and caught.value.params == {"places": "24"}


def test_what_people_read_is_there_in_chinese() -> None:
    made = samples(4)
    document = pypdfium2.PdfDocument(printing.pdf(made, PrintLabels(asset_ids=[1]), "zh_CN"))
    text = "".join(document[0].get_textpage().get_text_bounded().split())
    for label in made:
        assert "".join(label.code).replace(" ", "") in text.replace(" ", "")
        assert label.number in text
    assert "数控车床CK6150主轴单元" in text and "≤120℃±2" in text


@pytest.mark.parametrize("preset", ["a4-3x8", "a4-2x5", "roll-50x30"])
def test_no_line_runs_into_another_or_off_the_label(preset: str) -> None:
    code = domain.grouped(labels._new_token())
    place = "华东精密制造有限公司东莞松山湖厂区 / 二号厂房三层东侧 / 表面贴装一号线"
    longest = [
        labels.Label("HTTPS://A.CN/Q/X", code, "EQ-2026/PRESS-000123", NAMES[1] * 2, place),
        labels.Label(
            "HTTPS://A.CN/Q/Y", code, "A-1", "Unbreakablemachinenamewithoutanyspaceatall " * 3, place
        ),
    ]
    sheet = printing.sheet_of(preset)
    document = pypdfium2.PdfDocument(
        printing.pdf(longest, PrintLabels(asset_ids=[1], preset=preset), "zh_CN")
    )
    for page in document:
        text = page.get_textpage()
        boxes = [text.get_rect(n) for n in range(text.count_rects())]
        assert len(boxes) >= 6
        for n, (left, bottom, right, top) in enumerate(boxes):
            for other in boxes[:n]:
                apart = (
                    right <= other[0] or left >= other[2] or top <= other[1] + 0.3 or bottom >= other[3] - 0.3
                )
                assert apart, (boxes[n], other)
            column = int((left / mm - sheet.margin[0]) // (sheet.label[0] + sheet.gap[0]))
            edge = sheet.margin[0] + column * (sheet.label[0] + sheet.gap[0]) + sheet.label[0]
            assert right / mm <= edge


def test_a_code_too_small_for_phones_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        printing.pdf(samples(1, "https://" + "x" * 180), PrintLabels(asset_ids=[1], preset="roll-50x30"))
    error = caught.value
    assert error.code == "label.too_small" and error.fields == {"preset": "too_small"}
    assert float(error.params["module"]) < 0.5
    with pytest.raises(NotFound) as unknown:
        printing.pdf(samples(1), PrintLabels(asset_ids=[1], preset="a5"))
    assert unknown.value.code == "label.no_preset" and "a4-3x8" in unknown.value.params["known"]


def test_every_preset_keeps_to_what_phones_need() -> None:
    for preset in printing.presets():
        sheet = printing.sheet_of(preset.id)
        right = sheet.margin[0] + sheet.grid[0] * (sheet.label[0] + sheet.gap[0]) - sheet.gap[0]
        bottom = sheet.margin[1] + sheet.grid[1] * (sheet.label[1] + sheet.gap[1]) - sheet.gap[1]
        assert right <= sheet.page[0] + 0.01 and bottom <= sheet.page[1] + 0.01
        assert printing.pdf(samples(1), PrintLabels(asset_ids=[1], preset=preset.id))


def test_tokens_are_known_once_and_kept_hashed(admin: Actor, ids: list[int], now: datetime) -> None:
    made = labels.mint(admin, PrintLabels(asset_ids=ids, copies=2), now=now)
    assert len(made) == 8 == LabelRow.select().count() == len({label.payload for label in made})
    token = made[2].payload.rsplit("/", 1)[1]
    assert len(token) == 26 and made[2].payload.startswith("HTTPS://FETTLE.EXAMPLE.CN/Q/")
    assert token not in str(list(LabelRow.select().dicts())) + str(list(JournalRow.select().dicts()))
    for typed in (token, token.lower(), " ".join(made[2].code), f" {token[:4]}-{token[4:]}"):
        found = labels.resolve(typed)
        assert found is not None and found.id == ids[1]
    assert made[2].location == "东莞工厂 二号厂房" and made[2].name == NAMES[1]
    assert labels.resolve("A" * 26) is None and labels.resolve("") is None
    row = JournalRow.get(JournalRow.verb == "label.printed")
    assert row.data["count"] == 8


def test_a_preview_makes_no_valid_label(admin: Actor, ids: list[int], now: datetime) -> None:
    shown = labels.mint(admin, PrintLabels(asset_ids=ids, preview=True), now=now)
    assert len({label.payload for label in shown}) == 1 and LabelRow.select().count() == 0
    assert labels.resolve(shown[0].payload.rsplit("/", 1)[1]) is None


def test_revoked_and_unknown_look_alike(admin: Actor, ids: list[int], now: datetime) -> None:
    (made,) = labels.mint(admin, PrintLabels(asset_ids=ids[:1]), now=now)
    (shown,) = labels.of_asset(admin, ids[0])
    revoked = labels.revoke(admin, shown.id, now=now)
    assert revoked.revoked_at == now and labels.revoke(admin, shown.id, now=now).revoked_at == now
    assert labels.resolve(made.payload.rsplit("/", 1)[1]) is None
    assert JournalRow.select().where(JournalRow.verb == "label.revoked").count() == 1
    with pytest.raises(Forbidden):
        labels.revoke(person("R", Role.REPORTER), shown.id, now=now)


def test_labels_of_a_retired_asset_lead_nowhere(admin: Actor, ids: list[int], now: datetime) -> None:
    (made,) = labels.mint(admin, PrintLabels(asset_ids=ids[:1]), now=now)
    assets.save(admin, ids[0], SaveAsset(name="Old", retired=True), now=now)
    assert labels.resolve(made.payload.rsplit("/", 1)[1]) is None


def test_an_unknown_asset_is_named_and_nothing_made(admin: Actor, ids: list[int], now: datetime) -> None:
    with pytest.raises(NotFound) as caught:
        labels.mint(admin, PrintLabels(asset_ids=[*ids, 999]), now=now)
    assert caught.value.params == {"id": "999"} and LabelRow.select().count() == 0


def test_too_many_at_once_are_refused(admin: Actor, ids: list[int], now: datetime) -> None:
    with pytest.raises(AppError) as caught:
        labels.mint(admin, PrintLabels(asset_ids=ids[:1] * 1001, copies=5), now=now)
    assert caught.value.code == "label.too_many" and LabelRow.select().count() == 0


def test_a_path_below_the_host_keeps_its_case(admin: Actor, ids: list[int], now: datetime) -> None:
    settings.change_plant(public_url="https://example.cn/Fettle")
    settings.forget()
    (made,) = labels.mint(admin, PrintLabels(asset_ids=ids[:1]), now=now)
    assert made.payload.startswith("https://example.cn/Fettle/q/")
