"""The plant's own settings in a dialog, for administrators: its name, its language, the address phones reach."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from core.i18n import _
from core.wire.people import PlantView, SavePlant
from desktop.hub_client import HubClient
from desktop.widgets import inputs
from desktop.widgets.form import FormDialog, request


def plant_dialog(parent: QWidget, hub: HubClient, plant: PlantView) -> FormDialog:
    """`saved` carries the plant as it is then."""

    def save(values: dict[str, Any]) -> PlantView:
        return hub.save_plant(request(SavePlant, values | {"version": plant.version}))

    dialog = FormDialog(parent, _("Plant"), save)
    dialog.add("name", _("Name"), inputs.line(plant.name, limit=100))
    dialog.add(
        "language",
        _("Language"),
        inputs.choice([("zh_CN", "简体中文"), ("en", "English")], plant.language),
        _("Of notices and of tickets that the hub makes; everybody chooses their own for the console."),
    )
    dialog.add(
        "public_url",
        _("Address for phones"),
        inputs.line(plant.public_url, plant.address, limit=200),
        _(
            "Printed into labels and links, such as https://fettle.example.cn. Labels that hang already keep the "
            "address they were printed with, so it must go on leading here."
        ),
    )
    return dialog
