"""What this program is made of: versions, our licence, and those of the libraries in it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QWidget

from core import __version__
from core.i18n import _
from desktop.table_model import Column
from desktop.widgets.basics import column, text_label
from desktop.widgets.table import Table

# What an installed console stands on; the rest of an environment is not part of it.
LIBRARIES = (
    "PySide6_Essentials", "shiboken6", "httpx", "pydantic", "pyqtgraph", "numpy", "qtawesome", "pypdfium2",
    "structlog", "platformdirs",
)  # fmt: skip


@dataclass(frozen=True)
class Library:
    name: str
    version: str
    licence: str


def versions_words() -> str:
    """One line for problem reports."""
    return (
        f"Fettle {__version__} · Python {platform.python_version()} · Qt {qVersion()} · {platform.system()}"
    )


def libraries() -> list[Library]:
    """Those that are installed, with the licence that each names."""
    found = []
    for name in LIBRARIES:
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        classifiers = [
            c.rsplit(" :: ", 1)[-1] for c in about.get_all("Classifier") or [] if c.startswith("License")
        ]
        stated = about["License-Expression"] if "License-Expression" in about else ", ".join(classifiers)
        licence = stated or str(about.json.get("license", "–"))
        found.append(Library(about["Name"], about["Version"], licence.splitlines()[0][:80]))
    return found


def _columns() -> Sequence[Column[Library]]:
    return (
        Column("name", _("Library"), lambda one: one.name, width=160),
        Column("version", _("Version"), lambda one: one.version, width=90),
        Column("licence", _("Licence"), lambda one: one.licence, width=320),
    )


def about_dialog(parent: QWidget, hub_version: str) -> QDialog:
    """Versions and licences."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(_("About Fettle"))
    table: Table[Library] = Table("libraries", _("Libraries"), _columns(), lambda one: one.name, sort="name")
    table.set_rows(libraries())
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    close = buttons.button(QDialogButtonBox.StandardButton.Close)
    close.setText(_("Close"))
    close.setAccessibleName(_("Close"))
    buttons.rejected.connect(dialog.reject)
    licence = _("Fettle is open source under the Apache License 2.0: use, change and pass it on freely.")
    dialog.setLayout(
        column(
            text_label("Fettle", "title"),
            text_label(
                versions_words() + " · " + _("hub {version}").format(version=hub_version), selectable=True
            ),
            text_label(licence, wrap=True),
            text_label(_("It stands on these libraries:"), "heading"),
            table,
            buttons,
            margins=(16, 14, 16, 12),
            spacing=8,
        )
    )
    dialog.resize(640, 460)
    return dialog
