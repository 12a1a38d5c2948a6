"""The work on a ticket: procedure steps to answer, parts, time and cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from core.i18n import _, label
from core.wire.tickets import CostLine, Step, TicketPart, TicketView
from desktop import times
from desktop.pages.ticket_columns import OPEN
from desktop.widgets import inputs
from desktop.widgets.basics import button, card, column, row, text_label, tool_button
from desktop.widgets.inputs import money, quantity


class WorkTab(QWidget):
    """`answered` carries a step's key and answer, `photo_wanted` its key and kind, `part_wanted` what to do with
    which part, `labour_wanted` nothing.
    """

    answered = Signal(str, object)
    part_wanted = Signal(str, object)
    labour_wanted = Signal()
    photo_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._shown: Any = None
        self._inner = QWidget()
        self._list = QVBoxLayout(self._inner)
        self._list.setContentsMargins(0, 8, 6, 8)
        self._list.setSpacing(10)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(_("Work"))
        self.setLayout(column(area))

    def show_ticket(self, ticket: TicketView, may_work: bool, may_issue: bool) -> None:
        """Fill anew when something of it changed; what is being typed stays otherwise."""
        key = (ticket.id, ticket.state, ticket.procedure, ticket.parts, ticket.cost, may_work, may_issue)
        if key == self._shown:
            return
        self._shown = key
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        is_open = ticket.state in OPEN
        if ticket.procedure:
            self._list.addWidget(self._steps(ticket.procedure, may_work and is_open))
        self._list.addWidget(self._parts(ticket, may_issue and is_open))
        self._list.addWidget(self._cost(ticket, may_work and is_open))
        self._list.addStretch(1)

    # ---- steps

    def _steps(self, steps: list[Step], may_work: bool) -> QWidget:
        frame = card()
        done = sum(step.answer is not None for step in steps)
        heading = text_label(_("Procedure"), "heading")
        count = text_label(_("{done} of {all} done").format(done=done, all=len(steps)), "muted")
        layout = column(row(heading, count, None), spacing=6, margins=(12, 10, 12, 10))
        for number, step in enumerate(steps, 1):
            layout.addWidget(self._step(number, step, may_work))
        frame.setLayout(layout)
        return frame

    def _step(self, number: int, step: Step, may_work: bool) -> QWidget:
        box = QWidget()
        title = f"{number}. {step.title}" + ("" if step.required else " " + _("(optional)"))
        field = self._field(step, title)
        field.setEnabled(may_work)
        hint = _limits(step)
        facts = []
        if step.answered_at is not None:
            facts.append(f"{step.answered_by} · {times.moment(step.answered_at)}")
        layout = column(spacing=2)
        if isinstance(field, QCheckBox):
            layout.addWidget(field)
        else:
            layout.addWidget(text_label(title, wrap=True))
            layout.addLayout(row(field, text_label(hint, "bad" if _outside(step) else "muted"), None))
        if facts:
            layout.addWidget(text_label(" · ".join(facts), "muted"))
        box.setLayout(layout)
        return box

    def _field(self, step: Step, title: str) -> QWidget:
        made: QWidget
        if step.kind == "tick":
            tick = inputs.tick(title, step.answer is True)
            tick.clicked.connect(lambda on: self.answered.emit(step.key, True if on else None))
            made = tick
        elif step.kind == "choice":
            box = inputs.choice([(None, "–"), *((text, text) for text in step.choices)], step.answer)
            box.activated.connect(lambda _at: self.answered.emit(step.key, box.currentData()))
            made = box
        elif step.kind in ("photo", "signature"):
            words = _("Add a photo …") if step.answer is None else f"✓ {step.answer}"
            made = button(words, lambda: self.photo_wanted.emit(step.key, step.kind), icon="camera-outline")
        else:
            text = (
                ""
                if step.answer is None
                else f"{step.answer:g}"
                if isinstance(step.answer, float)
                else str(step.answer)
            )
            line = QLineEdit(text)
            line.setMaximumWidth(140 if step.kind == "number" else 400)
            line.setPlaceholderText(step.unit or label(f"step.kind.{step.kind}"))
            line.editingFinished.connect(lambda: self._on_typed(step, line))
            made = line
        made.setAccessibleName(title)
        return made

    def _on_typed(self, step: Step, line: QLineEdit) -> None:
        text = line.text().strip()
        answer: str | float | None = text or None
        if step.kind == "number" and text:
            try:
                answer = float(text.replace(",", "."))
            except ValueError:
                line.setProperty("bad", True)
                line.style().polish(line)
                line.setToolTip(_("This is no number."))
                return
        if answer != step.answer:
            self.answered.emit(step.key, answer)

    # ---- parts

    def _parts(self, ticket: TicketView, may_issue: bool) -> QWidget:
        frame = card()
        head = row(text_label(_("Parts"), "heading"), None)
        if may_issue:
            head.addWidget(button(_("Reserve …"), lambda: self.part_wanted.emit("reserve", None)))
            head.addWidget(button(_("Issue …"), lambda: self.part_wanted.emit("issue", None)))
        layout = column(head, spacing=6, margins=(12, 10, 12, 10))
        if not ticket.parts:
            layout.addWidget(text_label(_("No parts yet."), "muted"))
        for part in ticket.parts:
            layout.addWidget(self._part(part, may_issue))
        frame.setLayout(layout)
        return frame

    def _part(self, part: TicketPart, may_issue: bool) -> QWidget:
        box = QWidget()
        facts = _("{issued} of {wanted} issued").format(
            issued=quantity(part.issued), wanted=quantity(part.wanted, part.unit)
        )
        place = _("bin {bin}").format(bin=part.bin) if part.bin else ""
        stock = _("{n} on hand").format(n=quantity(part.on_hand, part.unit))
        words = column(
            text_label(f"{part.part.number}  {part.part.name}", wrap=True),
            text_label(" · ".join(text for text in (facts, place, stock) if text), "muted", wrap=True),
            spacing=0,
        )
        if part.short > 0:
            words.addWidget(text_label(_("short by {n}").format(n=quantity(part.short, part.unit)), "bad"))
        layout = row(spacing=4)
        layout.addLayout(words, 1)
        if may_issue:
            left = part.wanted - part.issued
            if part.open and left > 0:
                layout.addWidget(self._do("tray-arrow-up", _("Issue"), "issue", part, left))
                layout.addWidget(self._do("lock-open-variant-outline", _("Release"), "release", part, left))
            if part.issued > 0:
                layout.addWidget(self._do("tray-arrow-down", _("Give back"), "return", part, part.issued))
        box.setLayout(layout)
        return box

    def _do(self, icon: str, words: str, do: str, part: TicketPart, qty: Decimal) -> QWidget:
        name = f"{part.part.number} {part.part.name}".strip()
        tip = f"{words} · {part.part.name}"
        return tool_button(icon, tip, lambda: self.part_wanted.emit(do, (part.part.id, name, qty)))

    # ---- time and cost

    def _cost(self, ticket: TicketView, may_work: bool) -> QWidget:
        frame = card()
        head = row(text_label(_("Time and cost"), "heading"), None)
        if may_work:
            head.addWidget(button(_("Add time …"), self.labour_wanted.emit))
        layout = column(head, spacing=6, margins=(12, 10, 12, 10))
        cost = ticket.cost
        if cost is None:
            layout.addWidget(text_label(_("Costs are shown to those who may see them."), "muted", wrap=True))
        else:
            grid = QGridLayout()
            grid.setHorizontalSpacing(12)
            grid.setVerticalSpacing(3)
            for at, line in enumerate(cost.lines):
                self._cost_line(grid, at, line, cost.currency)
            at = len(cost.lines)
            grid.addWidget(text_label(_("Total"), "heading"), at, 0)
            grid.addWidget(_right(money(cost.total_minor, cost.currency), "heading"), at, 2)
            if cost.downtime_min:
                grid.addWidget(text_label(_("Downtime loss, not in the total"), "muted"), at + 1, 0)
                grid.addWidget(_right(times.minutes(cost.downtime_min), "muted"), at + 1, 1)
                grid.addWidget(_right(money(cost.downtime_loss_minor, cost.currency), "muted"), at + 1, 2)
            grid.setColumnStretch(0, 1)
            layout.addLayout(grid)
            if cost.frozen:
                layout.addWidget(
                    text_label(_("Frozen at completion with the rates of that time."), "muted", wrap=True)
                )
        frame.setLayout(layout)
        return frame

    def _cost_line(self, grid: QGridLayout, at: int, line: CostLine, currency: str) -> None:
        name = (
            f"{label(f'cost.kind.{line.kind}')} · {line.name}"
            if line.name
            else label(f"cost.kind.{line.kind}")
        )
        grid.addWidget(text_label(name, wrap=True), at, 0)
        grid.addWidget(
            _right(f"{quantity(line.qty, line.unit)} × {money(line.rate_minor, currency)}", "muted"), at, 1
        )
        grid.addWidget(_right(money(line.cost_minor, currency)), at, 2)


def _right(text: str, role: str = "") -> QWidget:
    made = text_label(text, role)
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made


def _limits(step: Step) -> str:
    if step.low is not None and step.high is not None:
        return f"{step.low:g} – {step.high:g} {step.unit}".strip()
    if step.low is not None:
        return f"≥ {step.low:g} {step.unit}".strip()
    return f"≤ {step.high:g} {step.unit}".strip() if step.high is not None else step.unit


def _outside(step: Step) -> bool:
    if not isinstance(step.answer, int | float) or isinstance(step.answer, bool):
        return False
    return (step.low is not None and step.answer < step.low) or (
        step.high is not None and step.answer > step.high
    )
