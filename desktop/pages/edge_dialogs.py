"""Dialogs of an edge: its name, and the code it joins by."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QLabel

from core.i18n import _, label
from core.wire.fleet import EdgeView, JoinCode, SaveEdge
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import line, tick
from desktop.widgets.page import Page


def edge_dialog(page: Page, edge: EdgeView | None) -> FormDialog:
    """A new edge, or a change of one."""

    def save(values: dict[str, Any]) -> EdgeView:
        if edge is None:
            values["edge_id"] = values["edge_id"] or None
            return page.hub.create_edge(request(SaveEdge, values))
        return page.hub.save_edge(edge.id, request(SaveEdge, values | {"version": edge.version}))

    dialog = FormDialog(page, _("New edge") if edge is None else _("Edit edge"), save, width=480)
    dialog.form.add_text(
        _("An edge is a small program on the shop floor that polls devices and raises alarms.")
    )
    dialog.add("name", label("word.name"), line(edge.name if edge else "", _("such as Hall 1"), limit=100))
    if edge is None:
        hint = _("Lower-case letters, digits and dashes; stays for ever. Empty: made by the hub.")
        dialog.add("edge_id", _("Id"), line("", "hall-1", limit=39), hint)
    else:
        dialog.add("active", "", tick(_("In use"), edge.active))
    return dialog


class JoinDialog(QDialog):
    """Shows the one-time code, once."""

    def __init__(self, page: Page, edge: EdgeView, code: JoinCode) -> None:
        super().__init__(page)
        self.setWindowTitle(_("Join code for {name}").format(name=edge.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.code = text_label(code.code, "figure", selectable=True)
        self.command = text_label(code.command, selectable=True, wrap=True)
        self.command.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copied = text_label("", "muted")
        until = f"{code.expires_at.astimezone():%H:%M}"
        layout = column(
            text_label(_("Type this on the computer of the edge:"), "heading"),
            self.command,
            spacing=10,
            margins=(18, 16, 18, 14),
        )
        layout.addLayout(
            row(button(_("Copy command"), self.on_copy, "content-copy", main=True), self.copied, None)
        )
        layout.addSpacing(6)
        layout.addWidget(text_label(_("The code alone:"), "muted"))
        layout.addWidget(self.code)
        words = _("Good once, until {time}. It is not shown again; a new code makes this one worthless.")
        layout.addWidget(text_label(words.format(time=until), "muted", wrap=True))
        if edge.joined:
            warning = _("This edge has joined already. Joining again takes away its old login.")
            layout.addWidget(text_label(warning, "bad", wrap=True))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setText(_("Close"))
        close.setAccessibleName(_("Close"))
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setLayout(layout)
        self.resize(560, self.sizeHint().height())

    def on_copy(self) -> None:
        """Put the command on the clipboard."""
        QApplication.clipboard().setText(self.command.text())
        self.copied.setText(_("Copied."))


def note(words: str) -> QLabel:
    """A line of explanation that changes with what is typed."""
    made = text_label(words, "muted", wrap=True)
    made.setMinimumHeight(made.fontMetrics().lineSpacing() * 2 + 2)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made
