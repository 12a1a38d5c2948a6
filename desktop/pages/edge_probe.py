"""Looking for devices behind an address: the edge asks unit after unit; what answers can be taken over as a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog

from core.errors import AppError, FettleError
from core.i18n import _, explain, label, ngettext
from core.wire.fleet import EdgeView
from desktop import tasks, times
from desktop.fleet_routes import ProbeOrder
from desktop.lists import listed
from desktop.table_model import Column
from desktop.widgets.basics import BusyLine, EmptyState, button, column, row, text_label
from desktop.widgets.form import Form, request
from desktop.widgets.inputs import line, number
from desktop.widgets.page import Page
from desktop.widgets.table import Table


@dataclass(frozen=True)
class FoundUnit:
    """A unit that answered."""

    unit: int
    identity: str
    sunspec: bool
    ranges: str
    refuses: str

    def words(self) -> str:
        """What it seems to be."""
        named = self.identity or (_("SunSpec device") if self.sunspec else "")
        return named or self.refuses or _("answers, does not say what it is")


def found_units(result: dict[str, Any]) -> list[FoundUnit]:
    """What a probe found, from the edge's answer; units that are silent are left out."""
    found = []
    for one in result.get("units", []):
        if not one.get("answers", True):
            continue
        identity = one.get("identity") or {}
        named = " ".join(str(value) for value in identity.values() if value)
        ranges = listed(
            f"{label('point.area.' + str(part.get('area')))} {part.get('first')}–{part.get('last')}"
            for part in one.get("ranges") or []
        )
        exception = one.get("exception")
        refuses = _("answers with exception {n}").format(n=exception) if exception else ""
        found.append(FoundUnit(int(one["unit"]), named, one.get("sunspec") is not None, ranges, refuses))
    return found


def unit_columns() -> Sequence[Column[FoundUnit]]:
    """Units that answered."""
    return (
        Column("unit", _("Modbus unit"), lambda u: str(u.unit), lambda u: u.unit, "right", width=100),
        Column(
            "what",
            _("What it says"),
            FoundUnit.words,
            icon=lambda u: "solar-power-variant-outline" if u.sunspec else "expansion-card-variant",
            width=220,
        ),
        Column("ranges", _("Readable"), lambda u: u.ranges, tip=lambda u: u.ranges, width=260, stretch=True),
    )


class ProbeDialog(QDialog):
    """`as_empty` and `from_library` carry the address of a unit: fields of a device's configuration."""

    as_empty = Signal(object)
    from_library = Signal(object)

    def __init__(self, page: Page, edge: EdgeView) -> None:
        super().__init__(page)
        self.setWindowTitle(_("Look for devices from {name}").format(name=edge.name))
        self._page, self._edge = page, edge
        self._number = 0
        self._asked: ProbeOrder | None = None
        self.form = Form()
        self.form.add("host", _("Address"), line("", "192.168.0.10", limit=253), _("As the edge reaches it."))
        self.form.add("port", _("Port"), number(502, 1, 65535))
        self.form.add("first_unit", _("First unit"), number(1, 0, 255))
        self.form.add("last_unit", _("Last unit"), number(10, 0, 255))
        self.form.fold(_("More"))
        self.form.add("timeout_ms", _("Wait for each answer"), number(300, 20, 5000, " ms"))
        self.form.fold()
        self._busy = BusyLine()
        self.go = button(_("Look"), self.on_look, "radar", main=True)
        self.stop = button(_("Cancel"), self.on_cancel, "stop-circle-outline")
        self.stop.hide()
        self.words = text_label("", "muted", wrap=True, selectable=True)
        self.units: Table[FoundUnit] = Table(
            "probe_units",
            _("Units found"),
            unit_columns(),
            lambda unit: unit.unit,
            page.shell.store,
            sort="unit",
            empty=EmptyState(
                "radar",
                _("What is behind an address?"),
                _("The edge asks each unit and says which answer, and what can be read. Nothing is written."),
            ),
        )
        self.units.set_rows([])
        self.units.picked.connect(self._offer)
        self.units.opened.connect(lambda _unit: self._take(self.from_library))
        self.library = button(
            _("With the library …"), lambda: self._take(self.from_library), "library-shelves"
        )
        self.blank = button(_("As an empty device …"), lambda: self._take(self.as_empty), "file-outline")
        left = column(self.form, row(self.go, self.stop, None), None, spacing=8)
        right = column(self.words, spacing=6)
        right.addWidget(self.units, 1)
        middle = row(spacing=14)
        middle.addLayout(left, 2)
        middle.addLayout(right, 3)
        whole = column(self._busy, spacing=8, margins=(16, 14, 16, 14))
        whole.addLayout(middle, 1)
        whole.addLayout(row(None, button(_("Close"), self.reject), self.blank, self.library))
        self.setLayout(whole)
        self.resize(900, 460)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._on_second)
        self._began = times.utc_now()
        self._offer()
        if not edge.online:
            self.words.setText(_("This edge is offline: it cannot look."))
            self.go.setEnabled(False)

    def on_look(self) -> None:
        """Let the edge look."""
        self.form.clear_errors()
        try:
            body: ProbeOrder = request(ProbeOrder, self.form.values())
            if body.last_unit < body.first_unit:
                raise AppError("request.invalid", fields={"last_unit": "band_order"}, names="last_unit")
        except AppError as error:
            self.form.show_errors(error)
            return
        self._number += 1
        mine, hub, edge_pk = self._number, self._page.hub, self._edge.id
        self._asked, self._began = body, times.utc_now()
        self._show_busy(True)
        tasks.run(
            lambda: hub.probe(edge_pk, body),
            lambda result: self._on_found(mine, result),
            lambda error: self._on_failed(mine, error),
            self,
        )

    def on_cancel(self) -> None:
        """Wait no longer."""
        self._number += 1
        self._show_busy(False)
        self.words.setText(_("Cancelled."))

    def reject(self) -> None:
        self._number += 1
        super().reject()

    # ---- inside

    def _show_busy(self, on: bool) -> None:
        self.go.setEnabled(not on)
        self.stop.setVisible(on)
        (self._busy.start if on else self._busy.stop)()
        (self._clock.start if on else self._clock.stop)()
        if on:
            self.words.setText(_("The edge is looking …"))

    def _on_second(self) -> None:
        span = times.span((times.utc_now() - self._began).total_seconds())
        self.words.setText(_("The edge is looking … {span}").format(span=span))

    def _on_found(self, mine: int, result: dict[str, Any]) -> None:
        if mine != self._number:
            return
        self._show_busy(False)
        units = found_units(result)
        self.units.set_rows(units)
        words = ngettext("{n} unit answers.", "{n} units answer.", len(units)).format(n=len(units))
        self.words.setText(words if units else _("No unit answers there."))
        if units:
            self.units.select(units[0].unit)
        self._offer()

    def _on_failed(self, mine: int, error: FettleError) -> None:
        if mine == self._number:
            self._show_busy(False)
            self.words.setText(explain(error))

    def _offer(self) -> None:
        chosen = self.units.current() is not None
        self.library.setEnabled(chosen)
        self.blank.setEnabled(chosen)

    def _take(self, signal: Any) -> None:
        unit, asked = self.units.current(), self._asked
        if unit is not None and asked is not None:
            signal.emit({"kind": "modbus_tcp", "host": asked.host, "port": asked.port, "unit": unit.unit})
