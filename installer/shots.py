"""Takes the pictures of docs/pictures from the running program: console and phone, Chinese and English, light and dark.

Starts the demo's plant in a scratch folder, lets machines fail and a person report, works on some tickets, and looks.
`./dev shots [--only zh_CN|en] [--folder DIR]`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import ViewportSize, sync_playwright
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, QSettings
from PySide6.QtWidgets import QApplication, QPushButton, QTabBar, QTableView, QWidget

from core import i18n
from core.errors import FettleError
from core.settings import ConsoleSettings
from core.wire.tickets import AddLabour, MoveTicket, TicketRowView
from desktop import tasks
from desktop.app import Console
from desktop.first_run import FirstRun
from desktop.log_in import LogInDialog
from desktop.main_window import MainWindow
from desktop.pages import PAGES
from installer.demo_plant import DemoPlant
from installer.shots_edges import edge_pictures

W = TypeVar("W", bound=QWidget)

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
CHROMIUM = "/usr/bin/chromium"
WINDOW = (1440, 900)
PHONE = ViewportSize(width=390, height=844)
FAULTS = ("barrel-overheat", "packing-jam", "compressor-overheat")
WORDS = {
    "zh_CN": ("液压站旁边地上有油，早上七点开始的", "王师傅", "138 0000 0000"),
    "en": ("Oil on the floor beside the hydraulic unit, since seven this morning", "Sam Porter", "ext. 214"),
}


def keep(data: bytes, target: Path) -> None:
    """Write a PNG with at most 256 colours: screens have few, and pictures stay small."""
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(target, optimize=True)
    print(
        f"  {target.relative_to(FOLDER.parent) if target.is_relative_to(FOLDER.parent) else target}",
        flush=True,
    )


def until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Wait for something in the plant; a sentence and exit code 1 when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"shots: {what}: not within {timeout_s:.0f} s")
        time.sleep(0.1)


# ---- what there is to see


def photo(folder: Path) -> Path:
    """A picture to attach: an oily floor, painted."""
    picture = Image.new("RGB", (1200, 900), "#8d8f8c")
    draw = ImageDraw.Draw(picture)
    for row in range(0, 900, 150):
        draw.line([(0, row), (1200, row)], fill="#7d7f7c", width=4)
    for column in range(0, 1200, 150):
        draw.line([(column, 0), (column, 900)], fill="#7d7f7c", width=4)
    draw.rectangle([60, 40, 560, 520], fill="#3c6e8f", outline="#24465c", width=10)
    draw.ellipse([330, 430, 1010, 800], fill="#2b2418")
    draw.ellipse([470, 500, 760, 640], fill="#4a3b22")
    target = folder / "floor.jpg"
    picture.save(target, quality=88)
    return target


def work_on_tickets(plant: DemoPlant) -> None:
    """Bring some tickets further, so that not all look alike."""
    words = "更换密封圈并清洁" if plant.language == "zh_CN" else "Seal replaced, area cleaned"
    for number, row in enumerate(plant.client.tickets(limit=50, sort="number").items):
        for move in ("accept", "start", "resolve")[: 1 + number % 3]:
            ticket = plant.client.ticket(row.id)
            if not any(found.move == move and not found.blocked for found in ticket.moves):
                break
            if move == "resolve":
                ticket_after = plant.client.add_labour(row.id, AddLabour(minutes=35))
                asked = MoveTicket(move=move, version=ticket_after.version, resolution=words)
            else:
                asked = MoveTicket(move=move, version=ticket.version)
            try:
                plant.client.move_ticket(row.id, asked)
            except (
                FettleError
            ) as error:  # a guard wants more than this script gives: the ticket stays as it is
                print(f"  {row.number}: {move}: {error}", file=sys.stderr)
                break


def telling(plant: DemoPlant) -> TicketRowView:
    """The ticket with most to see: one from an alarm, with a chart."""
    rows = plant.client.tickets(limit=50, sort="-number").items
    return next((row for row in rows if row.source == "alarm" and plant.client.charts(row.id)), rows[0])


# ---- phone


def phone_pictures(plant: DemoPlant, folder: Path, scratch: Path) -> None:
    """Report form, filled form, progress, and what a label that is not valid shows."""
    text, name, contact = WORDS[plant.language]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context(
            viewport=PHONE, device_scale_factor=1.5, is_mobile=True, has_touch=True,
            locale="zh-CN" if plant.language == "zh_CN" else "en-GB", timezone_id="Asia/Shanghai",
        )  # fmt: skip
        page = context.new_page()

        def take(picture: str, whole: bool = True) -> None:
            page.wait_for_load_state("networkidle")
            keep(page.screenshot(full_page=whole), folder / f"phone-{picture}.png")

        page.goto(plant.phone_link)
        take("report")
        fill(page, text, name, contact, photo(scratch))
        take("report-filled")
        page.locator("#send").click()
        page.wait_for_url("**/r/**")
        take("progress")
        page.goto(f"{plant.url}/q/NOTALABELNOTALABELNOTALABEL")
        take("unknown-label")
        browser.close()


def fill(page: BrowserPage, text: str, name: str, contact: str, picture: Path) -> None:
    """Fill the report form as a person would."""
    page.locator("label:has(input[name=what])").nth(3).click()
    page.locator("#text").fill(text)
    page.locator("label:has(input[name=urgency])").nth(1).click()
    page.locator("#photo").set_input_files(picture)
    page.locator("#photos img, #photos li, #photos > *").first.wait_for()
    page.locator("#name").fill(name)
    page.locator("#contact").fill(contact)


# ---- console


class Eye:
    """Shows windows without a screen and keeps what they look like."""

    def __init__(self, app: QApplication, folder: Path) -> None:
        self.app = app
        self.folder = folder

    def settle(self, quiet_s: float = 0.6, timeout_s: float = 15.0) -> None:
        """Let the program run until nothing has been under way for a moment."""
        quiet_from = time.monotonic()
        deadline = quiet_from + timeout_s
        while time.monotonic() - quiet_from < quiet_s and time.monotonic() < deadline:
            self.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if tasks.pending():
                quiet_from = time.monotonic()

    def take(self, widget: QWidget, name: str) -> None:
        """Keep a picture of `widget`."""
        self.settle()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        widget.grab().save(buffer, "PNG")
        keep(bytes(buffer.data().data()), self.folder / f"{name}.png")


def console_pictures(plant: DemoPlant, app: QApplication, folder: Path, scratch: Path) -> None:
    """Every page of the console in both themes, and the dialogs before it."""
    ticket = telling(plant)
    eye = Eye(app, folder)
    for mode in ("light", "dark"):
        data = scratch / f"console-{plant.language}-{mode}"
        console = Console(ConsoleSettings(data_dir=data, hub_url=plant.url))
        dress(console.store, plant.language, mode)
        console.dress()
        end = "" if mode == "light" else "-dark"
        if mode == "light":
            wizard = FirstRun(console.local_hub, "")
            wizard.show()
            eye.take(wizard, "console-first-run")
            wizard.close()
            asked = LogInDialog(plant.client, plant.admin["login"], None)
            asked.show()
            eye.take(asked, "console-log-in")
            asked.close()
        hub = plant.log_in(plant.admin["login"])
        window = MainWindow(hub, hub.who_am_i(), console.store)
        window.resize(*WINDOW)
        window.show()
        window.begin()
        eye.settle()
        for spec in PAGES:
            page = window.open_page(spec.key)
            eye.settle()
            show_most(window, page, ticket)
            eye.take(window, f"console-{spec.key}{end}")
            if spec.key == "tickets" and (tabs := visible_child(page, QTabBar)) is not None:
                tabs.setCurrentIndex(1)
                eye.take(window, f"console-ticket-chart{end}")
                tabs.setCurrentIndex(0)
        edge_pictures(window, eye, end)
        window.shut()
        window.deleteLater()
        console.shut()
        eye.settle(0.1)


def dress(store: QSettings, language: str, mode: str) -> None:
    """Choose language and theme as a person would in the settings."""
    store.setValue("ui/language", language)
    store.setValue("ui/theme", mode)


def show_most(window: MainWindow, page: QWidget, ticket: TicketRowView) -> None:
    """Choose something on the page, so that its details show."""
    if page.objectName() == "tickets":
        window.open_ticket(ticket.id)
    elif page.objectName() == "assets" and ticket.asset is not None:
        window.open_asset(ticket.asset.id)
    elif page.objectName() == "labels":
        for button in page.findChildren(QPushButton):
            if button.text() == i18n._("Tick all shown"):
                button.click()
    else:
        table = visible_child(page, QTableView)
        if table is not None and table.model() is not None and not table.selectionModel().hasSelection():
            table.selectRow(0)


def visible_child(page: QWidget, kind: type[W]) -> W | None:
    """The first visible widget of one kind on a page."""
    return next((child for child in page.findChildren(kind) if child.isVisible()), None)


# ---- all of it


def plant_pictures(language: str, app: QApplication, folder: Path) -> None:
    """All pictures in one language, from a plant of its own."""
    i18n.use(language)
    scratch = Path(tempfile.mkdtemp(prefix="fettle-shots-"))
    plant = DemoPlant(scratch / "plant", language, free_ports=True)
    try:
        plant.start()
        for fault in FAULTS:
            plant.tell("fault", fault)
        until(lambda: len(alarm_tickets(plant)) >= 2, "the machines' tickets")
        until(
            lambda: any(plant.client.charts(row.id) for row in alarm_tickets(plant)), "a ticket's chart", 180
        )
        phone_pictures(plant, folder / language, scratch)
        work_on_tickets(plant)
        console_pictures(plant, app, folder / language, scratch)
    finally:
        plant.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def alarm_tickets(plant: DemoPlant) -> list[TicketRowView]:
    """Tickets that machines made."""
    return [row for row in plant.client.tickets(limit=50).items if row.source == "alarm"]


def screen_file() -> Path:
    """A screen as people have it, for the platform without one: its own is 800 pixels wide, and cuts dialogs."""
    screen = {"name": "shots", "x": 0, "y": 0, "width": 1600, "height": 1000, "logicalDpi": 96, "dpr": 1}
    target = Path(tempfile.gettempdir()) / "fettle-shots-screen.json"
    target.write_text(json.dumps({"screens": [screen]}))
    return target


def main(argv: list[str] | None = None) -> int:
    """`./dev shots`; 0 when all pictures are taken."""
    parser = argparse.ArgumentParser(prog="./dev shots", description="Takes the pictures of the documents.")
    parser.add_argument("--only", choices=i18n.LANGUAGES, help="one language")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to; default docs/pictures")
    args = parser.parse_args(argv)
    if os.environ.get("QT_QPA_PLATFORM", "offscreen") == "offscreen":
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screen_file()}"
    app = QApplication.instance() or QApplication(["fettle"])
    assert isinstance(app, QApplication)
    for language in [args.only] if args.only else i18n.LANGUAGES:
        plant_pictures(language, app, args.folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
