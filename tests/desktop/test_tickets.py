"""The tickets page at a real hub: live rows, selection kept, filters, moves, steps, parts, charts, export."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from core.errors import AppError, OutsideError
from core.wire.tickets import AssignTicket, CreateTicket, MoveTicket, Step, TicketView
from desktop import times
from desktop.main_window import MainWindow
from desktop.pages.ticket_dialogs import AssignDialog
from desktop.pages.ticket_export import export_csv, harmless
from desktop.pages.ticket_filter import TicketQuery
from desktop.pages.ticket_new import ask_new_ticket
from desktop.pages.tickets import TicketsPage
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> TicketsPage:
    found = cast(TicketsPage, window.open_page("tickets"))
    until(lambda: found._loaded)
    return found


def new(plant: Plant, title: str, **given: object) -> TicketView:
    return plant.client.create_ticket(CreateTicket.model_validate({"title": title} | given))


def selected(page: TicketsPage) -> list[int]:
    return [page.list.model.ids[at] for at in page.table.positions()]


def moves(page: TicketsPage) -> dict[str, QPushButton]:
    return {b.text(): b for b in page.pane.head.findChildren(QPushButton) if b.isVisible()}


def test_a_new_ticket_comes_to_the_top_and_the_selection_stays(
    page: TicketsPage, plant: Plant, until: Until
) -> None:
    first = new(plant, "Selected before")
    until(lambda: page.list.model.position_of(first.id) >= 0)
    page.table.selectRow(page.list.model.position_of(first.id))
    made = new(plant, "Arrives live")
    until(lambda: page.list.model.position_of(made.id) == 0)
    assert selected(page) == [first.id]
    until(lambda: page.list.model.known(made.id) is not None)


def test_an_alarm_becomes_a_row(page: TicketsPage, plant: Plant, until: Until) -> None:
    plant.raise_alarm(3, rule="row")
    until(
        lambda: any(
            (row := page.list.model.known(i)) and row.source == "alarm" for i in page.list.model.ids[:3]
        ),
    )


def test_what_no_longer_fits_leaves_the_list(page: TicketsPage, plant: Plant, until: Until) -> None:
    made = new(plant, "Soon cancelled")
    until(lambda: page.list.model.position_of(made.id) >= 0)
    plant.client.move_ticket(made.id, MoveTicket(move="cancel", reason="a trial"))
    until(lambda: page.list.model.position_of(made.id) < 0)


def test_filters_narrow_and_are_kept(page: TicketsPage, plant: Plant, until: Until) -> None:
    made = new(plant, "Needle in the haystack", type="improvement", priority=4)
    QTest.keyClicks(page.search, "needle in")
    until(lambda: list(page.list.model.ids) == [made.id])
    assert page.count.text() == "1 tickets"
    page.show_query(TicketQuery(open=False, type=frozenset({"improvement"}), priority=frozenset({"4"})))
    until(lambda: page.list.model.position_of(made.id) >= 0)
    until(
        lambda: all(
            (row := page.list.model.known(i)) is None or row.type == "improvement"
            for i in page.list.model.ids
        )
    )
    until(lambda: "improvement" in str(page.shell.store.value("tickets/query")))
    page.show_query(TicketQuery(q="nothing has this title"))
    until(lambda: page._stack.currentIndex() == 1)


def test_sorting_by_a_column_asks_the_hub(page: TicketsPage, plant: Plant, until: Until) -> None:
    new(plant, "Zebra crossing worn")
    new(plant, "Aardvark on the line")
    at = next(n for n, column in enumerate(page.list.model.columns) if column.key == "title")
    page.table.sortByColumn(at, page.table.horizontalHeader().sortIndicatorOrder())
    until(lambda: page.list.query.sort == "title")
    until(lambda: page.list.model.row_at(0) is not None)


def test_moves_are_buttons_and_ask_for_what_they_need(
    page: TicketsPage, plant: Plant, until: Until, app: QApplication
) -> None:
    made = new(plant, "To be held", asset_id=plant.client.assets()[0].id)
    if made.assignee is None:
        plant.client.assign_ticket(made.id, AssignTicket(person_id=plant.me.id))
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id and moves(page))
    moves(page)["Start work"].click()
    until(lambda: page.pane.ticket is not None and page.pane.ticket.state == "in_progress")
    until(lambda: any("hold" in words for words in moves(page)))
    next(button for words, button in moves(page).items() if "hold" in words).click()
    dialog = page.pane.findChild(FormDialog)
    assert dialog is not None and "hold_reason" in dialog.form.fields
    dialog.submit()
    until(lambda: page.pane.ticket is not None and page.pane.ticket.state == "on_hold")
    assert plant.client.ticket(made.id).hold_reason == "waiting_parts"
    until(
        lambda: (
            page.list.model.known(made.id) is not None and page.list.model.known(made.id).state == "on_hold"
        )
    )  # type: ignore[union-attr]


def test_a_stale_ticket_is_refused_in_words_and_shown_anew(
    page: TicketsPage, plant: Plant, until: Until
) -> None:
    made = new(plant, "Changed elsewhere")
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    ticket = page.pane.ticket
    assert ticket is not None
    page.pane.on_entry = lambda entry: None  # type: ignore[method-assign]  # as if the feed were late
    plant.client.assign_ticket(made.id, AssignTicket(person_id=plant.me.id, reason="elsewhere"))
    body = MoveTicket(move="cancel", version=ticket.version, reason="late")
    page.run(lambda: page.hub.move_ticket(made.id, body), None, page.pane._tell)
    until(lambda: page.shell._toast.text() != "")  # type: ignore[attr-defined]
    assert plant.client.ticket(made.id).state != "cancelled"
    until(lambda: page.pane.ticket is not None and page.pane.ticket.version > ticket.version)


def test_candidates_tell_why(page: TicketsPage, plant: Plant, until: Until) -> None:
    made = new(plant, "Who can?", asset_id=plant.client.assets()[0].id)
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    page.pane.assign()
    dialog = page.pane.findChild(AssignDialog)
    assert dialog is not None
    until(lambda: dialog._table.rows())
    chosen = dialog._table.rows()[-1]
    assert dialog._table.select(chosen.person.id)
    dialog.submit()
    until(
        lambda: (
            (t := page.pane.ticket) is not None
            and t.assignee is not None
            and t.assignee.id == chosen.person.id
        )
    )


def test_steps_are_answered_in_place_and_undone(page: TicketsPage, plant: Plant, until: Until) -> None:
    steps = [
        Step(key="a", kind="tick", title="Lock the switch"),
        Step(key="b", kind="number", title="Pressure", unit="bar", low=4, high=6),
    ]
    made = new(plant, "With a procedure", type="maintenance", procedure=[step.model_dump() for step in steps])
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    page.pane.work.answered.emit("b", 7.5)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.procedure[1].answer == 7.5)
    until(lambda: page.shell._toast.text() != "")  # type: ignore[attr-defined]
    assert page.shell._toast.undo()  # type: ignore[attr-defined]
    until(lambda: page.pane.ticket is not None and page.pane.ticket.procedure[1].answer is None)


def test_issuing_more_than_there_is_is_refused_with_the_numbers(plant: Plant) -> None:
    made = new(plant, "Hungry", asset_id=plant.client.assets()[0].id)
    from core.wire.tickets import UseParts

    part = plant.client.parts()[0]
    with pytest.raises(AppError) as found:
        plant.client.use_parts(made.id, UseParts(do="issue", part_id=part.id, qty=part.on_hand + Decimal(1)))
    assert found.value.code == "part.not_enough"
    assert not plant.client.ticket(made.id).parts


def test_the_chart_of_an_alarm_is_drawn_with_its_limit(page: TicketsPage, plant: Plant, until: Until) -> None:
    plant.raise_alarm(6, rule="charted", chart=True)
    asset = plant.client.assets()[6]
    found = next(row for row in plant.client.asset_tickets(asset.id) if row.source == "alarm")
    page.show_ticket(found.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == found.id)
    assert page.pane.tabs.isTabVisible(1)
    page.pane.tabs.setCurrentIndex(1)
    until(lambda: page.pane.charts.trend is not None)
    trend = page.pane.charts.trend
    assert trend is not None
    until(lambda: trend.values_shown() == 721)
    assert plant.client.chart_csv(found.id, plant.client.charts(found.id)[0].occurrence).startswith(
        b"\xef\xbb\xbftime"
    )


def test_notes_and_photos_are_in_the_timeline(
    page: TicketsPage, plant: Plant, until: Until, tmp_path: Path
) -> None:
    from PySide6.QtGui import QImage

    made = new(plant, "With a photo")
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    page.pane.timeline.note.setPlainText("Belt ordered")
    assert page.unsaved()
    page.pane.timeline.send()
    until(lambda: not page.unsaved())
    photo = QImage(320, 240, QImage.Format.Format_RGB32)
    photo.fill(0x336699)
    photo.save(str(tmp_path / "belt.png"))
    assert page.pane.ticket is not None
    page.pane._send_file(page.pane.ticket, tmp_path / "belt.png")
    until(lambda: page.pane.ticket is not None and len(page.pane.ticket.files) == 1)
    until(lambda: page.pane.timeline._thumbs)
    no_photo = tmp_path / "words.jpg"
    no_photo.write_text("this is no photo")
    page.pane._send_file(page.pane.ticket, no_photo)
    until(lambda: "photo" in page.shell._toast.text().lower())  # type: ignore[attr-defined]
    assert [
        entry.data.get("text") for entry in plant.client.timeline(made.id) if entry.verb == "ticket.noted"
    ] == ["Belt ordered"]


def test_the_new_ticket_dialog_shows_errors_at_the_field_and_then_saves(
    window: MainWindow, plant: Plant, until: Until
) -> None:
    dialog = ask_new_ticket(window, plant.client.assets()[2].id)
    dialog.submit()
    until(lambda: dialog.form._errors["title"].text() != "")
    title = dialog.form.fields["title"]
    title.setText("Made by hand")  # type: ignore[attr-defined]
    until(lambda: dialog.form.values()["asset_id"] is not None)
    dialog.submit()
    tickets = cast(TicketsPage, window.open_page("tickets"))
    until(lambda: tickets.pane.ticket is not None and tickets.pane.ticket.title == "Made by hand")
    assert tickets.pane.ticket is not None
    assert tickets.pane.ticket.source == "console"


def test_export_writes_exactly_the_filtered_rows_and_no_formula(plant: Plant, tmp_path: Path) -> None:
    new(plant, "=cmd|' /C calc'!A0 exported")
    ids, _cursor = plant.client.ticket_ids(q="exported")
    file = tmp_path / "out.csv"
    assert export_csv(plant.client, ids, str(file)) == len(ids)
    with file.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == len(ids)
    assert all(cell[:1] not in "=+@" or not cell for row in rows for cell in row.values())
    assert harmless("-1") == "'-1"
    with pytest.raises(OutsideError):
        export_csv(plant.client, ids, str(tmp_path / "no" / "folder.csv"))


def test_an_edit_and_a_hold_can_be_undone(page: TicketsPage, plant: Plant, until: Until) -> None:
    from desktop.pages.ticket_dialogs import edit_ticket

    made = new(plant, "Before", asset_id=plant.client.assets()[0].id)
    if made.assignee is None:
        plant.client.assign_ticket(made.id, AssignTicket(person_id=plant.me.id))
    plant.client.move_ticket(made.id, MoveTicket(move="start"))
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    pane, toast = page.pane, page.shell._toast  # type: ignore[attr-defined]
    assert pane.ticket is not None
    edit_ticket(pane, page.shell, pane.ticket, pane._take)
    dialog = pane.findChild(FormDialog)
    assert dialog is not None
    dialog.form.fields["title"].setText("After")  # type: ignore[attr-defined]
    dialog.submit()
    until(lambda: pane.ticket is not None and pane.ticket.title == "After" and toast.text())
    assert toast.undo()
    until(lambda: pane.ticket is not None and pane.ticket.title == "Before")
    hold = next(move for move in pane.ticket.moves if move.move == "hold")
    pane.take_move(hold)
    until(lambda: any(found.isVisible() for found in pane.findChildren(FormDialog)))
    next(found for found in pane.findChildren(FormDialog) if found.isVisible()).submit()
    until(lambda: pane.ticket is not None and pane.ticket.state == "on_hold" and toast.text())
    assert toast.undo()
    until(lambda: pane.ticket is not None and pane.ticket.state == "in_progress")


def test_a_photo_step_is_answered_by_a_photo(
    page: TicketsPage, plant: Plant, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QFileDialog

    made = new(
        plant, "Look at it", procedure=[Step(key="p", kind="photo", title="Photo of the belt").model_dump()]
    )
    photo = QImage(64, 48, QImage.Format.Format_RGB32)
    photo.fill(0x224466)
    photo.save(str(tmp_path / "belt.png"))
    # The system's file chooser is the one thing here that a test cannot operate.
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_what: (str(tmp_path / "belt.png"), ""))
    page.show_ticket(made.id)
    until(lambda: page.pane.ticket is not None and page.pane.ticket.id == made.id)
    page.pane.work.photo_wanted.emit("p", "photo")
    until(lambda: page.pane.ticket is not None and page.pane.ticket.procedure[0].answer is not None)
    assert page.pane.ticket is not None and len(page.pane.ticket.files) == 1


def test_the_console_decides_as_the_hub_whether_a_ticket_fits(plant: Plant) -> None:
    assets = plant.client.assets()
    for number, kind in enumerate(("fault", "request", "inspection", "improvement")):
        made = new(plant, f"Fits {kind}", type=kind, priority=number + 1, asset_id=assets[number].id)
        if number % 2:
            plant.client.move_ticket(made.id, MoveTicket(move="cancel", reason="a trial"))
        else:
            plant.client.assign_ticket(made.id, AssignTicket(person_id=plant.me.id))
    ids, _cursor = plant.client.ticket_ids()
    rows = [row for at in range(0, len(ids), 500) for row in plant.client.ticket_rows(ids[at : at + 500])]
    queries = [
        TicketQuery(),
        TicketQuery(open=False),
        TicketQuery(mine=True),
        TicketQuery(overdue=True),
        TicketQuery(state=frozenset({"cancelled", "new"})),
        TicketQuery(open=False, type=frozenset({"request"})),
        TicketQuery(open=False, priority=frozenset({"1", "3"})),
        TicketQuery(q="fits INSP"),
        TicketQuery(open=False, q=assets[2].number),
        TicketQuery(open=False, q=assets[3].name[:6].upper()),
    ]
    for query in queries:
        found, _cursor = plant.client.ticket_ids(**query.params())
        now = times.utc_now()
        taken = {row.id for row in rows if query.takes(row, plant.me, now)}
        assert set(found) <= taken if query.q else set(found) == taken, query
