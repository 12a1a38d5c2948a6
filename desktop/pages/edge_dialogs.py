"""Dialogs of an edge and of a device: name, join code, where the device is reached."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from core.i18n import _, label
from core.wire.fleet import DeviceView, EdgeView, JoinCode, SaveDevice, SaveEdge
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line, number, tick
from desktop.widgets.page import Page

MODBUS = ("host", "port", "unit", "poll_ms", "timeout_ms", "min_gap_ms", "max_registers", "offline_after_s")
MQTT = ("url", "username", "password", "topic", "offline_after_s")


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


class DeviceDialog(FormDialog):
    """A Modbus unit or an MQTT source; which fields show follows the kind."""

    def __init__(self, page: Page, edge_pk: int, device: DeviceView | None, assets: list[Choice]) -> None:
        super().__init__(
            page, _("New device") if device is None else _("Edit device"), self._store, width=560
        )
        self._page, self._edge_pk, self._device = page, edge_pk, device
        known: dict[str, Any] = device.config if device is not None else {}
        kinds: list[Choice] = [(kind, label(f"device.kind.{kind}")) for kind in ("modbus_tcp", "mqtt")]
        self.kind: QComboBox = choice(kinds, device.kind if device else "modbus_tcp")
        self.kind.setEnabled(device is None)
        self.add(
            "name",
            label("word.name"),
            line(device.name if device else "", _("such as Compressor 2"), limit=100),
        )
        self.add("kind", _("Kind"), self.kind)
        self.add(
            "asset_id",
            _("Asset"),
            choice(assets, device.asset.id if device and device.asset else None),
            _(
                "Its points belong to it unless they name another; it gets the alarm when the device is silent."
            ),
        )
        self._modbus(known)
        self._mqtt(known)
        self.add(
            "offline_after_s",
            _("Silent after"),
            decimal(known.get("offline_after_s", 10), 0, 86_400, 1, " s"),
            _("No answer for so long raises the communication alarm."),
        )
        self.add("active", "", tick(_("In use"), device.active if device else True))
        self.kind.currentIndexChanged.connect(self._on_kind)
        self._on_kind()

    def _modbus(self, known: dict[str, Any]) -> None:
        self.add(
            "host",
            _("Address"),
            line(known.get("host", ""), "192.168.0.10", limit=253),
            _("Name or IP address."),
        )
        self.add("port", _("Port"), number(known.get("port", 502), 1, 65535))
        self.add(
            "unit",
            _("Modbus unit"),
            number(known.get("unit", 1), 0, 255),
            _("Also called slave address; behind a gateway each device has its own."),
        )
        self.add(
            "poll_ms",
            _("Read every"),
            number(known.get("poll_ms", 1000), 20, 3_600_000, " ms"),
            _("For points that have no interval of their own."),
        )
        self.add("timeout_ms", _("Time-out"), number(known.get("timeout_ms", 1000), 20, 60_000, " ms"))
        self.add(
            "min_gap_ms",
            _("Pause between requests"),
            number(known.get("min_gap_ms", 0), 0, 10_000, " ms"),
            _("Some older devices need one; 0 for none."),
        )
        self.add(
            "max_registers",
            _("Registers per request"),
            number(known.get("max_registers", 125), 1, 125),
            _("Less when the device refuses long requests."),
        )

    def _mqtt(self, known: dict[str, Any]) -> None:
        self.add("url", _("Broker"), line(known.get("url", ""), "mqtt://192.168.0.20:1883"))
        self.add("username", _("User"), line(known.get("username", "")))
        kept = _("Empty: the password stays as it is.") if self._device is not None else ""
        self.add("password", _("Password"), line("", secret=True), kept)
        self.add(
            "topic",
            _("Topic"),
            line(known.get("topic", ""), "plant/line1/#", limit=500),
            _("+ stands for one level, # for all below."),
        )

    def _on_kind(self) -> None:
        is_modbus = self.kind.currentData() == "modbus_tcp"
        for name in MODBUS:
            self.form.show_field(name, is_modbus or name == "offline_after_s")
        for name in MQTT:
            self.form.show_field(name, not is_modbus or name == "offline_after_s")

    def _store(self, values: dict[str, Any]) -> DeviceView:
        names = MODBUS if values["kind"] == "modbus_tcp" else MQTT
        body = {name: values[name] for name in ("name", "kind", "asset_id", "active")}
        body["config"] = {name: values[name] for name in names}
        hub, device = self._page.hub, self._device
        if device is None:
            return hub.create_device(self._edge_pk, request(SaveDevice, body))
        return hub.save_device(device.id, request(SaveDevice, body | {"version": device.version}))


def note(words: str) -> QLabel:
    """A line of explanation that changes with what is typed."""
    made = text_label(words, "muted", wrap=True)
    made.setMinimumHeight(made.fontMetrics().lineSpacing() * 2 + 2)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made


def boxed(*widgets: QWidget) -> QWidget:
    """Widgets one below the other, as one row of a form."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return box
