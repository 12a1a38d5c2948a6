"""A person with a phone: scans a label, reports with a photo, follows the link. In a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from core.domain.people import SYSTEM
from core.hub.auth import clock
from core.services import labels
from core.storage import db
from core.wire.assets import PrintLabels
from tests.conftest import wait_for
from tests.hub.running import RunningHub, running

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running(tmp_path_factory.mktemp("hub")) as found:
        found.set_up()
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield found
        found.close()


@pytest.fixture
def label(hub: RunningHub, request: pytest.FixtureRequest) -> str:
    """The address on a label of a machine of this test's own."""
    asset = hub.post("/assets", {"name": f"注塑机 {request.node.name}"[:100]})
    (made,) = labels.mint(SYSTEM, PrintLabels(asset_ids=[asset["id"]]), now=clock())
    db.close()
    return made.payload


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A photo as a phone takes it: large, turned, and with the place where it was taken."""
    noise = Image.effect_noise((3000, 2000), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "SecretPhoneMaker"
    file = tmp_path / "IMG_0001.jpg"
    noise.save(file, "JPEG", quality=95, exif=exif)
    return file


@contextmanager
def phone(browser: Browser, locale: str = "zh-CN", **more: Any) -> Iterator[Page]:
    """A phone's page; anything that the browser complains about fails the test."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale=locale, is_mobile=True, has_touch=True, **more
    )
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def tickets_of(hub: RunningHub, page: Page) -> list[dict[str, Any]]:
    number = page.locator(".number").first.inner_text()
    rows: list[dict[str, Any]] = hub.get("/tickets", q=number)["items"]
    (row,) = rows
    found: list[dict[str, Any]] = hub.get(f"/assets/{row['asset']['id']}/tickets")
    return found


def test_a_report_with_a_photo_in_chinese(
    hub: RunningHub, browser: Browser, label: str, camera: Path
) -> None:
    with phone(browser) as page:
        page.goto(label)
        expect(page.get_by_role("heading", level=1)).to_contain_text("注塑机")
        page.get_by_text("泄漏").click()
        page.get_by_label("用一句话说明").fill("液压站漏油")
        page.get_by_text("已停产").click()
        page.set_input_files("#photo", camera)
        expect(page.locator("#photos img")).to_have_count(1)
        sent: int = page.evaluate("document.getElementById('photo').files[0].size")
        assert sent < camera.stat().st_size / 2  # reduced on the phone
        page.get_by_label("姓名").fill("李师傅")
        page.get_by_role("button", name="提交报修").click()
        page.wait_for_url(re.compile("/r/"))
        expect(page.get_by_role("status")).to_contain_text("报修已收到")
        expect(page.locator(".steps .now")).to_contain_text("待受理")
        picture = page.locator(".gallery img")
        expect(picture).to_have_count(1)
        assert picture.evaluate(
            "image => image.decode().then(() => image.naturalHeight > image.naturalWidth)"
        )
        (row,) = tickets_of(hub, page)
        ticket = hub.get(f"/tickets/{row['id']}")
        assert ticket["title"] == "Leak: 液压站漏油" and ticket["reporter_name"] == "李师傅"
        with hub.client() as client:
            kept = client.get(ticket["files"][0]["url"].removeprefix("/api/v1")).content
        assert b"SecretPhoneMaker" not in kept
        image = Image.open(io.BytesIO(kept))
        assert image.height > image.width
        # The same phone, another day: it knows who is speaking.
        page.goto(label)
        expect(page.get_by_label("姓名")).to_have_value("李师傅")
        expect(page.locator(".known")).to_contain_text("Leak: 液压站漏油")


def test_a_report_in_english_without_scripts(hub: RunningHub, browser: Browser, label: str) -> None:
    with phone(browser, "en-GB", java_script_enabled=False) as page:
        page.goto(label)
        page.get_by_label("In your own words").fill("Door does not close")
        page.get_by_role("button", name="Send the report").click()
        page.wait_for_url(re.compile("/r/"))
        expect(page.get_by_role("status")).to_contain_text("Thank you")
        assert [row["title"] for row in tickets_of(hub, page)] == ["Door does not close"]


def test_tapping_twice_makes_one_ticket(hub: RunningHub, browser: Browser, label: str) -> None:
    with phone(browser, "en-GB") as page:
        page.goto(label)
        page.get_by_text("Jammed").click()
        page.get_by_role("button", name="Send the report").dblclick()
        page.wait_for_url(re.compile("/r/"))
        assert len(tickets_of(hub, page)) == 1


def test_me_too_and_the_other_language(hub: RunningHub, browser: Browser, label: str) -> None:
    with phone(browser, "en-GB") as page:
        page.goto(label)
        page.get_by_text("Noise, shaking").click()
        page.get_by_role("button", name="Send the report").click()
        page.wait_for_url(re.compile("/r/"))
    with phone(browser) as page:
        page.goto(label)
        page.get_by_role("link", name="English").click()
        page.get_by_role("button", name="Me too").click()
        page.wait_for_url(re.compile("/r/"))
        expect(page.get_by_role("status")).to_contain_text("you have it too")
        assert tickets_of(hub, page)[0]["occurrences"] == 2


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    browser: Browser, label: str, tmp_path: Path
) -> None:
    fake = tmp_path / "photo.jpg"
    fake.write_bytes(b"not a photo")
    with phone(browser, "en-GB") as page:
        page.goto(label)
        page.get_by_role("button", name="Send the report").click()
        expect(page.get_by_role("alert")).to_contain_text("choose what is wrong")
        page.get_by_label("In your own words").fill("Broken cover")
        page.set_input_files("#photo", fake)
        page.get_by_role("button", name="Send the report").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("In your own words")).to_have_value("Broken cover")
        page.get_by_role("button", name="Send the report").click()
        page.wait_for_url(re.compile("/r/"))


def test_photos_can_be_taken_back_and_are_at_most_three(browser: Browser, label: str, camera: Path) -> None:
    with phone(browser, "en-GB") as page:
        page.goto(label)
        page.set_input_files("#photo", [camera, camera])
        expect(page.locator("#photos img")).to_have_count(2)
        page.set_input_files("#album", [camera, camera])
        expect(page.locator("#photos img")).to_have_count(3)
        expect(page.locator("#take")).to_be_hidden()
        page.get_by_role("button", name="Remove this photo").first.click()
        expect(page.locator("#photos img")).to_have_count(2)
        expect(page.locator("#take")).to_be_visible()
        assert page.evaluate("document.getElementById('photo').files.length") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_a_small_phone_and_can_be_touched(browser: Browser, label: str, scheme: Any) -> None:
    for locale in ("zh-CN", "en-GB"):
        with phone(browser, locale, color_scheme=scheme) as page:
            page.set_viewport_size({"width": 320, "height": 568})
            page.goto(label)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            small = page.evaluate(
                """[...document.querySelectorAll("button, .pick, .choices label, .urgency label, .language")]
                .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""
            )
            assert small == []


def test_what_helped_others_is_shown_while_one_types(hub: RunningHub, browser: Browser, label: str) -> None:
    hub.post(
        "/articles",
        {"title": "料筒温度低", "symptom": "料筒不热", "remedy": "检查急停是否复位。", "audience": "reporters",
         "state": "published"},
    )  # fmt: skip
    wait_for(lambda: hub.get("/articles", q="料筒"))
    with phone(browser) as page:
        page.goto(label)
        expect(page.locator("#help")).to_be_hidden()
        page.fill("#text", "料筒温度上不去")
        expect(page.locator("#help")).to_be_visible()
        page.get_by_text("料筒温度低").click()
        expect(page.get_by_text("检查急停是否复位。")).to_be_visible()
        page.fill("#text", "窗户坏了")
        expect(page.locator("#help")).to_be_hidden()
