"""Bringing points from a table: the file is tried first, every fault is shown with row and column, then it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QStackedLayout, QWidget

from core.errors import FettleError, OutsideError
from core.i18n import _, explain, label
from core.wire.device_library import ImportedPoint, ImportFault, PointsImported
from core.wire.fleet import DeviceView
from desktop import tasks
from desktop.table_model import Column
from desktop.widgets.basics import BusyLine, EmptyState, button, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table

KINDS = ("xlsx", "csv")


def fault_words(fault: ImportFault) -> str:
    """What is wrong with a cell."""
    words = label(f"field.{fault.code}")
    if words == f"field.{fault.code}":
        words = label(f"error.{fault.code}")
    words = fault.detail or fault.code if words == f"error.{fault.code}" else words
    return words


def fault_columns() -> Sequence[Column[ImportFault]]:
    """Faults by place."""
    return (
        Column("row", _("Row"), lambda f: str(f.row), lambda f: f.row, "right", width=56),
        Column("column", _("Column"), lambda f: f.column, width=130),
        Column("why", _("What is wrong"), fault_words, colour=lambda f: "bad", width=240, stretch=True),
        Column("detail", _("There stands"), lambda f: f.detail, colour=lambda f: "muted", width=160),
    )


def point_columns() -> Sequence[Column[ImportedPoint]]:
    """Rows as they were understood."""
    colours = {"added": "good", "changed": "info", "unchanged": "faint"}

    def does(point: ImportedPoint) -> str:
        return {"added": _("new"), "changed": _("changed"), "unchanged": _("as before")}[point.does]

    def place(point: ImportedPoint) -> str:
        bit = f".{point.bit}" if point.bit is not None else ""
        return f"{label(f'point.area.{point.area}')} {point.address}{bit}"

    return (
        Column("row", _("Row"), lambda p: str(p.row), lambda p: p.row, "right", width=56),
        Column("does", _("Change"), does, colour=lambda p: colours[p.does], width=80),
        Column("name", _("Point"), lambda p: p.name, width=200, stretch=True),
        Column("place", _("Read from"), place, lambda p: (p.area, p.address), width=170),
        Column("type", _("Type"), lambda p: f"{p.type} {p.order}", colour=lambda p: "muted", width=120),
    )


def read_file(name: str) -> bytes:
    """The content of a file; OutsideError when it cannot be read."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise OutsideError(
            "file.cannot_read", str(error), file=name, reason=error.strerror or error
        ) from error


def write_file(name: str, content: bytes) -> str:
    """Write a file and give its name; OutsideError when it cannot be written."""
    try:
        Path(name).write_bytes(content)
    except OSError as error:
        raise OutsideError(
            "file.cannot_write", str(error), file=name, reason=error.strerror or error
        ) from error
    return name


class ImportDialog(QDialog):
    """`imported` comes when points were added or changed."""

    imported = Signal(object)

    def __init__(self, page: Page, device: DeviceView) -> None:
        super().__init__(page)
        self.setWindowTitle(_("Points of {name} from a table").format(name=device.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._page, self._device = page, device
        self._file: tuple[str, bytes] | None = None
        self._busy = BusyLine()
        self.choose = button(_("Choose a file …"), self.on_choose, "file-table-outline", main=True)
        self.again = button(_("Try again"), self.on_try, "autorenew", tip=_("Reads the file anew"))
        self.template = button(
            _("Save the table …"),
            self.on_export,
            "download-outline",
            tip=_("The points as they are, or an empty table with its heading to fill in"),
        )
        self.name = text_label("", "muted")
        self.verdict = text_label("", "heading", wrap=True)
        self.hint = text_label("", "muted", wrap=True)
        self.faults: Table[ImportFault] = Table(
            "import_faults",
            _("Faults"),
            fault_columns(),
            lambda fault: (fault.row, fault.column, fault.code),
            page.shell.store,
            sort="row",
            empty=EmptyState(
                "table-arrow-up",
                _("A table of points: Excel or CSV"),
                _(
                    "Save the table first to see its columns, fill it in, and choose it here. Points are known by "
                    "name: those that are there are changed, others added, none removed."
                ),
            ),
        )
        self.faults.set_rows([])
        self.points: Table[ImportedPoint] = Table(
            "import_points",
            _("Points"),
            point_columns(),
            lambda point: point.row,
            page.shell.store,
            sort="row",
        )
        area = QWidget()
        self._stack = QStackedLayout(area)
        self._stack.addWidget(self.faults)
        self._stack.addWidget(self.points)
        self.take = button(_("Take them"), self.on_take, "check", main=True)
        self.take.setEnabled(False)
        self.again.setEnabled(False)
        self.verdict.hide()
        self.hint.hide()
        whole = column(
            row(self.choose, self.again, self.name, None, self.template),
            self._busy,
            self.verdict,
            self.hint,
            spacing=8,
            margins=(16, 14, 16, 14),
        )
        whole.addWidget(area, 1)
        whole.addLayout(row(None, button(_("Close"), self.reject), self.take))
        self.setLayout(whole)
        self.resize(760, 520)

    def on_choose(self) -> None:
        """Ask for a file and try it."""
        kinds = _("Tables (*.xlsx *.csv)")
        name, _kind = QFileDialog.getOpenFileName(self, _("Choose a table of points"), "", kinds)
        if name:
            self.try_file(name)

    def try_file(self, name: str) -> None:
        """See what a file would do; nothing is written."""
        self._busy.start()
        self.name.setText(Path(name).name)
        hub, device_id = self._page.hub, self._device.id

        def attempt() -> tuple[bytes, PointsImported]:
            content = read_file(name)
            return content, hub.import_points(device_id, Path(name).name, content, True)

        tasks.run(attempt, lambda found: self._on_tried(name, *found), self._on_failed, self)

    def on_try(self) -> None:
        """The same file once more: somebody has mended it."""
        if self._file is not None:
            self.try_file(self._file[0])

    def on_take(self) -> None:
        """Do what was shown."""
        if self._file is not None:
            name, content = self._file
            hub, device_id = self._page.hub, self._device.id
            self._busy.start()
            self.take.setEnabled(False)
            tasks.run(
                lambda: hub.import_points(device_id, Path(name).name, content, False),
                self._on_taken,
                self._on_failed,
                self,
            )

    def on_export(self) -> None:
        """Save the points as a table; of none the heading alone."""
        proposed = f"{self._device.name}.xlsx".replace("/", "-")
        kinds = "Excel (*.xlsx);;CSV (*.csv)"
        name, _kind = QFileDialog.getSaveFileName(self, _("Save the table"), proposed, kinds)
        if not name:
            return
        kind = "csv" if name.lower().endswith(".csv") else "xlsx"
        target = name if name.lower().endswith(f".{kind}") else f"{name}.{kind}"
        hub, device_id = self._page.hub, self._device.id
        tasks.run(
            lambda: write_file(target, hub.export_points(device_id, kind)),
            lambda file: self._page.shell.toast(_("Written to {file}.").format(file=file)),
            self._on_failed,
            self,
        )

    # ---- inside

    def _say(self, words: str, role: str, hint: str = "") -> None:
        self.verdict.setText(words)
        self.verdict.setProperty("role", role)
        self.verdict.style().unpolish(self.verdict)
        self.verdict.style().polish(self.verdict)
        self.verdict.show()
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))

    def _on_tried(self, name: str, content: bytes, found: PointsImported) -> None:
        self._busy.stop()
        self._file = (name, content)
        self.again.setEnabled(True)
        self.faults.set_rows(found.faults)
        self.points.set_rows(found.points)
        self._stack.setCurrentWidget(self.faults if found.faults or not found.points else self.points)
        counts = _("{added} new, {changed} changed, {same} as they are").format(
            added=found.added, changed=found.changed, same=found.unchanged
        )
        if found.faults:
            words = _("{n} faults: nothing is taken until they are mended.").format(n=len(found.faults))
            self._say(words, "bad", _("Mend them in the file and try again."))
        elif not found.added and not found.changed:
            self._say(_("Nothing to do: {counts}.").format(counts=counts), "heading")
        else:
            hint = _("Nothing is written yet. After taking them, push to the edge.")
            self._say(_("This would be: {counts}.").format(counts=counts), "good", hint)
        self.take.setEnabled(not found.faults and bool(found.added or found.changed))

    def _on_taken(self, found: PointsImported) -> None:
        self._busy.stop()
        if found.faults and self._file is not None:  # somebody changed the device meanwhile
            self._on_tried(*self._file, found)
            return
        self.imported.emit(found)
        self.accept()

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self._say(explain(error), "bad")
