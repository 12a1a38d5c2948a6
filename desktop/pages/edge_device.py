"""The dialog of a device: which fields it has follows its kind; what few people change is folded away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox

from core.i18n import _, label
from core.wire.fleet import DeviceView, SaveDevice
from desktop.widgets.duration import DurationEdit
from desktop.widgets.form import Form, FormDialog, request
from desktop.widgets.inputs import Choice, choice, line, number, tick
from desktop.widgets.page import Page

KINDS = ("modbus_tcp", "modbus_rtu_tcp", "modbus_rtu", "mqtt", "edge")
MODBUS = ("modbus_tcp", "modbus_rtu_tcp", "modbus_rtu")
BAUD_RATES = (1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)

_POLLED = (
    "unit", "poll_ms", "timeout_ms", "min_gap_ms", "warm_up_ms", "max_registers", "max_bits", "priority",
    "offline_after_s", "parent",
)  # fmt: skip
FIELDS: dict[str, tuple[str, ...]] = {
    "modbus_tcp": ("host", "port", "pipeline", *_POLLED),
    "modbus_rtu_tcp": ("host", "port", *_POLLED),
    "modbus_rtu": ("serial_port", "baud_rate", "parity", "stop_bits", *_POLLED),
    "mqtt": (
        "url", "username", "password", "topic", "payload", "alive_topic", "alive_values", "offline_after_s",
        "parent",
    ),
    "edge": ("poll_ms",),
}  # fmt: skip
"""Fields of `SaveDevice.config` by kind."""


def gateway_choices(devices: Sequence[DeviceView], but: int | None = None) -> list[Choice]:
    """Devices that may speak for another one."""
    found: list[Choice] = [("", _("– none –"))]
    found += [(str(one.id), one.name) for one in devices if one.id != but and one.kind != "edge"]
    return found


class DeviceFields:
    """The fields of a device's address and manners in a form; `show` those of a kind, `config` reads them."""

    def __init__(self, form: Form, known: dict[str, Any], gateways: list[Choice], is_new: bool) -> None:
        self._form, self._known = form, known
        self._is_new = is_new
        self._network(known)
        self._serial(known)
        self._mqtt(known)
        form.add(
            "unit",
            _("Modbus unit"),
            number(known.get("unit", 1), 0, 255),
            _("Also called slave address; behind a gateway each device has its own."),
        )
        form.add(
            "poll_ms",
            _("Read every"),
            number(known.get("poll_ms", 1000), 20, 3_600_000, " ms"),
            _("For points that have no interval of their own."),
        )
        form.fold(_("More: silence, gateway, pauses and limits"))
        self._manners(known, gateways)
        form.fold()

    def _network(self, known: dict[str, Any]) -> None:
        host = line(known.get("host", ""), "192.168.0.10", limit=253)
        self._form.add("host", _("Address"), host, _("Name or IP address."))
        self._form.add("port", _("Port"), number(known.get("port", 502), 1, 65535))

    def _serial(self, known: dict[str, Any]) -> None:
        self._form.add(
            "serial_port",
            _("Serial port"),
            line(known.get("serial_port", ""), "/dev/ttyUSB0, COM3", limit=200),
            _("Of the computer on which the edge runs. Devices with the same port share its settings."),
        )
        rates = sorted({*BAUD_RATES, known.get("baud_rate", 9600)})
        speeds: list[Choice] = [(rate, f"{rate}") for rate in rates]
        self._form.add("baud_rate", _("Baud rate"), choice(speeds, known.get("baud_rate", 9600)))
        parities: list[Choice] = [("none", _("none (N)")), ("even", _("even (E)")), ("odd", _("odd (O)"))]
        self._form.add("parity", _("Parity"), choice(parities, known.get("parity", "none")))
        self._form.add("stop_bits", _("Stop bits"), choice([(1, "1"), (2, "2")], known.get("stop_bits", 1)))

    def _mqtt(self, known: dict[str, Any]) -> None:
        add = self._form.add
        add("url", _("Broker"), line(known.get("url", ""), "mqtt://192.168.0.20:1883"))
        payloads: list[Choice] = [("json", _("JSON or plain values")), ("sparkplug_b", "Sparkplug B")]
        add("payload", _("Messages"), choice(payloads, known.get("payload", "json")))
        add(
            "topic",
            _("Topic"),
            line(known.get("topic", ""), "plant/line1/#", limit=500),
            _("+ stands for one level, # for all below."),
        )
        add(
            "alive_topic",
            _("Topic of its last will"),
            line(known.get("alive_topic", ""), "plant/line1/status", limit=500),
            _("Where the machine, or the broker in its name, says whether it is there."),
        )
        add(
            "alive_values",
            _("It is there when"),
            line(", ".join(known.get("alive_values", ["online", "true", "1"])), limit=400),
            _("Texts with commas between them."),
        )
        add("username", _("User"), line(known.get("username", "")))
        kept = "" if self._is_new else _("Empty: the password stays as it is.")
        add("password", _("Password"), line("", secret=True), kept)

    def _manners(self, known: dict[str, Any], gateways: list[Choice]) -> None:
        add = self._form.add
        add(
            "offline_after_s",
            _("Silent after"),
            DurationEdit(known.get("offline_after_s", 10)),
            _("No answer for so long raises the communication alarm."),
        )
        add(
            "parent",
            _("Gateway"),
            choice(gateways, known.get("parent", "")),
            _("While the gateway is silent only it raises an alarm, and names this device."),
        )
        add("timeout_ms", _("Time-out"), number(known.get("timeout_ms", 1000), 20, 60_000, " ms"))
        add(
            "min_gap_ms",
            _("Pause between requests"),
            number(known.get("min_gap_ms", 0), 0, 10_000, " ms"),
            _("Some older devices need one; 0 for none."),
        )
        add(
            "warm_up_ms",
            _("Pause after connecting"),
            number(known.get("warm_up_ms", 0), 0, 60_000, " ms"),
            _("For devices that are not ready at once; 0 for none."),
        )
        add(
            "max_registers",
            _("Registers per request"),
            number(known.get("max_registers", 125), 1, 125),
            _("Less when the device refuses long requests."),
        )
        add("max_bits", _("Coils per request"), number(known.get("max_bits", 2000), 1, 2000))
        add(
            "pipeline",
            _("Requests at once"),
            number(known.get("pipeline", 1), 1, 16),
            _("More than 1 only for devices that are known to bear it."),
        )
        levels: list[Choice] = [("high", _("first")), ("normal", _("normal")), ("low", _("last"))]
        add(
            "priority",
            _("Turn on its line"),
            choice(levels, known.get("priority", "normal")),
            _("Which of two devices on one line is read first when both are due."),
        )

    def show(self, kind: str) -> None:
        """Only the fields of this kind."""
        wanted = FIELDS[kind]
        every = {name for names in FIELDS.values() for name in names}
        for name in every:
            self._form.show_field(name, name in wanted)
        silence = self._form.fields["offline_after_s"]
        if self._is_new and isinstance(silence, DurationEdit) and silence.seconds() in (10, 60):
            silence.set_seconds(60 if kind == "mqtt" else 10)  # a broker's machine speaks when it likes

    def config(self, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        """`SaveDevice.config` of a kind from a form's values; fields that are not edited here are kept."""
        found = {name: values[name] for name in FIELDS[kind]}
        if "alive_values" in found:
            words = str(found["alive_values"]).replace("，", ",").split(",")
            found["alive_values"] = [word.strip() for word in words if word.strip()]
        return found


class DeviceDialog(FormDialog):
    """A new device of any kind, or a change of one."""

    def __init__(
        self,
        page: Page,
        edge_pk: int,
        device: DeviceView | None,
        assets: list[Choice],
        devices: Sequence[DeviceView] = (),
        known: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            page, _("New device") if device is None else _("Edit device"), self._store, width=580
        )
        self._page, self._edge_pk, self._device = page, edge_pk, device
        known = device.config if device is not None else known or {}
        kinds: list[Choice] = [(kind, label(f"device.kind.{kind}")) for kind in KINDS]
        self.kind: QComboBox = choice(kinds, device.kind if device else known.get("kind", "modbus_tcp"))
        self.kind.setEnabled(device is None)
        name = line(device.name if device else "", _("such as Compressor 2"), limit=100)
        self.add("name", label("word.name"), name)
        self.add("kind", _("Kind"), self.kind)
        self.add(
            "asset_id",
            _("Asset"),
            choice(assets, device.asset.id if device and device.asset else None),
            _(
                "Its points belong to it unless they name another; it gets the alarm when the device is silent."
            ),
        )
        gateways = gateway_choices(devices, device.id if device else None)
        self.device_fields = DeviceFields(self.form, known, gateways, device is None)
        self.add("active", "", tick(_("In use"), device.active if device else True))
        self.kind.currentIndexChanged.connect(self._on_kind)
        self._on_kind()

    def _on_kind(self) -> None:
        self.device_fields.show(self.kind.currentData())
        if self.isVisible():
            self.fit()

    def _store(self, values: dict[str, Any]) -> DeviceView:
        body = {name: values[name] for name in ("name", "kind", "asset_id", "active")}
        body["config"] = self.device_fields.config(values["kind"], values)
        hub, device = self._page.hub, self._device
        if device is None:
            return hub.create_device(self._edge_pk, request(SaveDevice, body))
        return hub.save_device(device.id, request(SaveDevice, body | {"version": device.version}))
