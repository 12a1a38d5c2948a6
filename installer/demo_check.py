"""`./dev demo --check`: the whole way tried once on real programs, without a person and without a screen.

A Modbus fault, an MQTT fault, a report from the phone page and a due plan each have to become a ticket. One line each:
number, seconds from the cause to the ticket, state. Last, the charts of the faults must have become whole.
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, sync_playwright

from core import i18n
from core.errors import FettleError
from core.wire.tickets import AnswerStep, ChartView, MoveTicket, Step, TicketRowView, TicketView, UseParts
from desktop.hub_client import HubClient
from installer.demo_children import Died, wait
from installer.demo_plant import DemoPlant

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
BROWSER_ARGS = ["--no-sandbox", "--disable-background-networking"]
TICKET_TIMEOUT_S = 90.0
CHART_TIMEOUT_S = 180.0
PAGE_TIMEOUT_MS = 30_000
LABOUR_MIN = 45
DUE_ASSET = "A-00009"  # its monthly service is due on the day the sample plant is entered


class CheckFailed(Exception):
    """Something that should have happened has not; says what."""


def main(folder: Path, language: str, quick: bool = False) -> int:
    """Exit code 0 when all four ways end in a ticket, 1 with the reason.

    The edge sends what led to a raise at once and the whole chart two minutes after it; `quick` does not wait so long.
    """
    shutil.rmtree(folder, ignore_errors=True)  # a plan is due once: an old plant would have nothing to show
    plant = DemoPlant(folder, language, free_ports=True)
    begun = time.monotonic()
    try:
        plant.start()
        print(f"demo: up after {time.monotonic() - begun:.1f} s", flush=True)
        for check in (modbus_fault, mqtt_fault, phone_report, due_plan):
            print(check(plant), flush=True)
        if not quick:
            print(whole_charts(plant), flush=True)
    except (CheckFailed, Died, FettleError, BrowserError, OSError) as error:
        reason = i18n.explain(error, "en") if isinstance(error, FettleError) else str(error)
        print(f"demo: failed: {reason}\ndemo: logs are in {plant.folder / 'logs'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    finally:
        plant.stop()
    print(f"demo: all well in {time.monotonic() - begun:.1f} s")
    return 0


# ---------------------------------------------------------------- the four ways


def modbus_fault(plant: DemoPlant) -> str:
    """The moulding machine's barrel overheats: registers over Modbus TCP."""
    return _fault(plant, "Modbus fault", "barrel-overheat", "A-00003")


def mqtt_fault(plant: DemoPlant) -> str:
    """The packing line jams: JSON over MQTT."""
    return _fault(plant, "MQTT fault", "packing-jam", "A-00017")


def _fault(plant: DemoPlant, what: str, fault: str, asset_number: str) -> str:
    known = _ids(plant.client)
    cause = time.monotonic()
    plant.tell("fault", fault)

    def made(ticket: TicketRowView) -> bool:
        return ticket.source == "alarm" and ticket.asset is not None and ticket.asset.number == asset_number

    row, seconds = _new_ticket(plant, known, made, f"{what}: a ticket", cause)
    ticket = _dispatched(plant, row.id, what)

    def drawn() -> list[ChartView]:
        return [
            chart
            for chart in plant.client.charts(row.id)
            if sum(value is not None for value in chart.values) >= 2
        ]

    chart = wait(drawn, f"{what}: a chart", plant.children, TICKET_TIMEOUT_S)[0]
    plant.tell("clear", fault)
    return _line(what, ticket, seconds, f"chart of {chart.point_name!r}, {len(chart.values)} readings so far")


def phone_report(plant: DemoPlant) -> str:
    """Somebody scans the label and reports with a photo."""
    known = _ids(plant.client)
    photo = plant.folder / "leak.jpg"
    photo.write_bytes(_photo())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=BROWSER_ARGS)
        page = browser.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN")
        page.set_default_timeout(PAGE_TIMEOUT_MS)
        cause = _send_report(page, plant.phone_link, photo)
        row, seconds = _new_ticket(
            plant, known, lambda ticket: ticket.source == "qr", "phone report: a ticket", cause
        )
        progress = page.inner_text("main")
        page.screenshot(path=str(plant.folder / "phone.png"), full_page=True)
        browser.close()
    if row.number not in progress:
        raise CheckFailed(f"phone report: the progress page does not name {row.number}")
    ticket = plant.client.ticket(row.id)
    photos = [file for file in ticket.files if file.kind == "photo"]
    if not photos:
        raise CheckFailed(f"phone report: {row.number} has no photo")
    with Image.open(io.BytesIO(plant.client.file(photos[0].id))) as picture:
        size = picture.size
    if size != (800, 600):
        raise CheckFailed(f"phone report: the photo came back as {size}")
    return _line("phone report", ticket, seconds, f"photo of {size[0]} x {size[1]}")


def _send_report(page: Page, link: str, photo: Path) -> float:
    """Fill in the page as a person would; the moment of the tap on send."""
    page.goto(link)
    page.locator("input[name=what][value=leak]").check(force=True)
    page.fill("#text", "液压管接头漏油，地面有油 / oil on the floor under the hose")
    page.locator("input[name=urgency]").first.check(force=True)
    page.set_input_files("#photo", str(photo))
    page.fill("#name", "李工")
    page.fill("#contact", "8010")
    cause = time.monotonic()
    page.click("#send")
    page.wait_for_selector(".ticket .number")
    return cause


def due_plan(plant: DemoPlant) -> str:
    """A plan that is due makes a ticket with reserved parts; its technician does the work and completes it."""
    known = {row.id for row in plant.client.tickets(limit=500).items if row.source != "plan"}
    cause = time.monotonic()
    plant.client.run_plans()  # the hub's own job does the same by the minute; whoever is first
    row, seconds = _new_ticket(
        plant,
        known,
        lambda ticket: (
            ticket.source == "plan" and ticket.asset is not None and ticket.asset.number == DUE_ASSET
        ),
        "due plan: a ticket",
        cause,
    )
    ticket = _dispatched(plant, row.id, "due plan")
    if not ticket.parts or not all(part.open and part.wanted > 0 for part in ticket.parts):
        raise CheckFailed(f"due plan: {ticket.number} has no reserved parts")
    reserved = len(ticket.parts)
    assert ticket.assignee is not None
    logins = {person.id: person.login or "" for person in plant.client.people()}
    engineer = plant.log_in(logins[ticket.assignee.id])
    try:
        ticket = _do_the_work(engineer, ticket)
    finally:
        engineer.close()
    ticket = plant.client.ticket(ticket.id)
    cost = ticket.cost
    if cost is None or not cost.frozen:
        raise CheckFailed(f"due plan: the cost of {ticket.number} is not settled")
    kinds = {line.kind for line in cost.lines}
    if kinds != {"labour", "part"} or cost.total_minor != sum(line.cost_minor for line in cost.lines):
        raise CheckFailed(f"due plan: the cost of {ticket.number} is {cost}")
    money = f"{cost.total_minor / 100:.2f} {cost.currency}"
    return _line("due plan", ticket, seconds, f"{reserved} parts reserved and issued, cost {money}")


def _do_the_work(engineer: HubClient, ticket: TicketView) -> TicketView:
    """Accept, start, tick the procedure, take the parts, complete."""
    for move in ("accept", "start"):
        ticket = engineer.move_ticket(ticket.id, MoveTicket(move=move, version=ticket.version))
    for step in ticket.procedure:
        ticket = engineer.answer_step(ticket.id, step.key, AnswerStep(answer=_answer(step)))
    for part in ticket.parts:
        use = UseParts(do="issue", part_id=part.part.id, qty=part.wanted)
        ticket = engineer.use_parts(ticket.id, use)
    needs = next(move.needs for move in ticket.moves if move.move == "resolve")
    mode = {"failure_mode": "STP"} if "failure_mode" in needs else {}
    done = MoveTicket(
        move="resolve", version=ticket.version, resolution="保养完成，运行正常", labour_min=LABOUR_MIN, **mode
    )
    ticket = engineer.move_ticket(ticket.id, done)
    if ticket.state not in ("resolved", "follow_up", "closed"):
        raise CheckFailed(f"due plan: {ticket.number} is {ticket.state} after it was completed")
    return ticket


def _answer(step: Step) -> bool | float | str:
    if step.kind == "tick":
        return True
    if step.kind == "number":
        return ((step.low or 0.0) + (step.high or 100.0)) / 2
    return step.choices[0] if step.kind == "choice" else "无异常"


def whole_charts(plant: DemoPlant) -> str:
    """The charts of both faults have their two minutes after the raise, and are complete."""
    rows = [row for row in plant.client.tickets(limit=100).items if row.source == "alarm"]

    def whole() -> list[ChartView]:
        charts = [chart for row in rows for chart in plant.client.charts(row.id)]
        return charts if len(charts) >= len(rows) and all(chart.complete for chart in charts) else []

    charts = wait(whole, "whole charts", plant.children, CHART_TIMEOUT_S)
    for chart in charts:
        if chart.offsets_ms[0] >= 0 or chart.offsets_ms[-1] < 110_000:
            raise CheckFailed(
                f"chart of {chart.point_name!r} reaches from {chart.offsets_ms[0]} to {chart.offsets_ms[-1]} ms"
            )
    spans = ", ".join(
        f"{chart.point_name!r} {chart.offsets_ms[0] / 1000:.0f} s to +{chart.offsets_ms[-1] / 1000:.0f} s"
        for chart in charts
    )
    return f"whole charts: {spans} around the raise"


# ---------------------------------------------------------------- waiting and telling


def _ids(client: HubClient) -> set[int]:
    return {row.id for row in client.tickets(limit=500).items}


def _new_ticket(
    plant: DemoPlant, known: set[int], fits: Callable[[TicketRowView], bool], what: str, cause: float
) -> tuple[TicketRowView, float]:
    def found() -> TicketRowView | None:
        rows = plant.client.tickets(limit=100, sort="-number").items
        return next((row for row in rows if row.id not in known and fits(row)), None)

    row = wait(found, what, plant.children, TICKET_TIMEOUT_S)
    assert row is not None
    return row, time.monotonic() - cause


def _dispatched(plant: DemoPlant, ticket_id: int, what: str) -> TicketView:
    def assigned() -> TicketView | None:
        ticket = plant.client.ticket(ticket_id)
        return ticket if ticket.state == "assigned" and ticket.assignee is not None else None

    ticket = wait(assigned, f"{what}: dispatched to somebody", plant.children, TICKET_TIMEOUT_S)
    assert ticket is not None
    return ticket


def _line(what: str, ticket: TicketView, seconds: float, more: str) -> str:
    who = f" to {ticket.assignee.name}" if ticket.assignee else ""
    return f"{what}: {ticket.number}  {seconds:.1f} s  {ticket.state}{who}  ({more})"


def _photo() -> bytes:
    """A picture as a phone would send it."""
    image = Image.new("RGB", (800, 600), (96, 100, 104))
    draw = ImageDraw.Draw(image)
    draw.rectangle((80, 120, 520, 480), fill=(60, 90, 140))
    draw.ellipse((430, 430, 700, 540), fill=(70, 50, 20))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _chromium() -> str:
    for path in CHROMIUM:
        if Path(path).exists():
            return path
    raise CheckFailed("no Chromium on this computer: apt-get install chromium")
