"""The editor of a procedure: ordered, typed steps. Knows the shape of a step, not who will do it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.i18n import _, label
from core.wire.tickets import Step

KINDS = ("tick", "number", "choice", "text", "photo", "signature", "scan")


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


class ProcedureEditor(QWidget):
    """Steps on the left in their order (drag, or the arrows), the chosen one on the right."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Steps of the procedure"))
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setMinimumWidth(210)
        self.list.currentItemChanged.connect(self.on_step_chosen)
        self.list.model().rowsMoved.connect(self._renumber)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(self.list, 1)
        left.addLayout(self._buttons())
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(left, 4)
        whole.addWidget(self._detail(), 5)
        self.set_steps([])

    def set_steps(self, steps: list[Step]) -> None:
        """Show these."""
        self.list.clear()
        for step in steps:
            self._append(step.model_copy())
        self._renumber()
        if steps:
            self.list.setCurrentRow(0)
        else:
            self.on_step_chosen()

    def steps(self) -> list[Step]:
        """What is shown, in order; steps without a title are left out."""
        found = (self._step(self.list.item(row)) for row in range(self.list.count()))
        return [step for step in found if step.title.strip()]

    def field_value(self) -> list[Step]:
        """For forms."""
        return self.steps()

    # ---- building

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.add = QPushButton(_("Add step"))
        self.add.clicked.connect(self.on_add)
        self.up = QPushButton("↑")
        self.up.setToolTip(_("Move the step up"))
        self.down = QPushButton("↓")
        self.down.setToolTip(_("Move the step down"))
        self.remove = QPushButton(_("Remove"))
        self.up.clicked.connect(lambda: self._shift(-1))
        self.down.clicked.connect(lambda: self._shift(1))
        self.remove.clicked.connect(self.on_remove)
        for arrow in (self.up, self.down):
            arrow.setAccessibleName(arrow.toolTip())
            arrow.setFixedWidth(36)
        row.addWidget(self.add)
        row.addStretch(1)
        row.addWidget(self.up)
        row.addWidget(self.down)
        row.addWidget(self.remove)
        return row

    def _detail(self) -> QWidget:
        self.title = QLineEdit()
        self.title.setMaxLength(200)
        self.title.setPlaceholderText(_("What to do, such as “Check the oil level”"))
        self.kind = QComboBox()
        for kind in KINDS:
            self.kind.addItem(label(f"step.kind.{kind}"), kind)
        self.required = QCheckBox(_("Must be done before the ticket can be completed"))
        self.unit, self.low, self.high = QLineEdit(), QLineEdit(), QLineEdit()
        self.unit.setPlaceholderText(_("such as °C"))
        self.low.setPlaceholderText(_("no lower limit"))
        self.high.setPlaceholderText(_("no upper limit"))
        self.choices = QLineEdit()
        self.choices.setPlaceholderText(_("separated by commas: good, worn, replaced"))
        form = QFormLayout()
        form.setContentsMargins(10, 0, 0, 0)
        form.addRow(_("Step"), self.title)
        form.addRow(_("Answered by"), self.kind)
        form.addRow("", self.required)
        form.addRow(_("Unit"), self.unit)
        form.addRow(_("Lowest good value"), self.low)
        form.addRow(_("Highest good value"), self.high)
        form.addRow(_("Choices"), self.choices)
        self.form = form
        edits = (self.title, self.unit, self.low, self.high, self.choices)
        for edit in edits:
            edit.textEdited.connect(self.on_edited)
        self.kind.activated.connect(self.on_edited)
        self.required.clicked.connect(self.on_edited)
        for field in (self.title, self.kind, self.unit, self.low, self.high, self.choices):
            caption = form.labelForField(field)
            if isinstance(caption, QLabel):
                field.setAccessibleName(caption.text())
        page = QWidget()
        page.setLayout(form)
        empty = QLabel(
            _("A procedure is optional. Add steps and they are ticked off in each ticket of this plan.")
        )
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setMargin(24)
        self.stack = QStackedWidget()
        self.stack.addWidget(empty)
        self.stack.addWidget(page)
        return self.stack

    # ---- doing

    def on_add(self) -> None:
        """A new empty step at the end, ready to be typed."""
        taken = {self._step(self.list.item(row)).key for row in range(self.list.count())}
        number = next(n for n in range(1, len(taken) + 2) if f"s{n}" not in taken)
        self._append(Step(key=f"s{number}", kind="tick", title=""))
        self.list.setCurrentRow(self.list.count() - 1)
        self._renumber()
        self.title.setFocus()

    def on_remove(self) -> None:
        """Take the chosen step out."""
        self.list.takeItem(self.list.currentRow())
        self._renumber()

    def on_step_chosen(self) -> None:
        """Show the chosen step on the right."""
        is_any = self.list.currentRow() >= 0
        self.stack.setCurrentIndex(int(is_any))
        for button in (self.up, self.down, self.remove):
            button.setEnabled(is_any)
        if not is_any:
            return
        step = self._step(self.list.currentItem())
        self.title.setText(step.title)
        self.kind.setCurrentIndex(KINDS.index(step.kind))
        self.required.setChecked(step.required)
        self.unit.setText(step.unit)
        self.low.setText("" if step.low is None else f"{step.low:g}")
        self.high.setText("" if step.high is None else f"{step.high:g}")
        self.choices.setText(", ".join(step.choices))
        self._show_fields(step.kind)

    def on_edited(self) -> None:
        """Take what is typed into the step."""
        if self.list.currentRow() < 0:
            return
        item = self.list.currentItem()
        kind = self.kind.currentData()
        is_number = kind == "number"
        step = self._step(item).model_copy(
            update={
                "title": self.title.text(),
                "kind": kind,
                "required": self.required.isChecked(),
                "unit": self.unit.text().strip() if is_number else "",
                "low": _number(self.low.text()) if is_number else None,
                "high": _number(self.high.text()) if is_number else None,
                "choices": self._choices() if kind == "choice" else [],
            }
        )
        item.setData(Qt.ItemDataRole.UserRole, step)
        self._show_fields(kind)
        self._renumber()

    def _choices(self) -> list[str]:
        words = self.choices.text().replace("，", ",").replace("、", ",").split(",")
        return [word.strip() for word in words if word.strip()]

    def _show_fields(self, kind: str) -> None:
        for field in (self.unit, self.low, self.high):
            self.form.setRowVisible(field, kind == "number")
        self.form.setRowVisible(self.choices, kind == "choice")

    def _append(self, step: Step) -> None:
        item = QListWidgetItem()
        item.setData(Qt.ItemDataRole.UserRole, step)
        self.list.addItem(item)

    def _shift(self, by: int) -> None:
        row = self.list.currentRow()
        if 0 <= row + by < self.list.count():
            self.list.insertItem(row + by, self.list.takeItem(row))
            self.list.setCurrentRow(row + by)
            self._renumber()

    def _renumber(self) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            step = self._step(item)
            mark = "" if step.required else "  " + _("(optional)")
            item.setText(f"{row + 1}. {step.title or '…'}{mark}")
        self.changed.emit()

    @staticmethod
    def _step(item: QListWidgetItem) -> Step:
        step: Step = item.data(Qt.ItemDataRole.UserRole)
        return step
