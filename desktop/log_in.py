"""The log-in: name and password for one hub, the session kept in a file of the owner alone when asked for."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QDialog, QLabel

from core import __version__
from core.errors import FettleError
from core.i18n import _, explain
from core.paths import ASSETS, private_dir, write_private
from core.wire.people import LoggedIn, LogIn
from desktop import tasks
from desktop.hub_client import HubClient
from desktop.widgets import inputs
from desktop.widgets.basics import BusyLine, button, column, row, text_label
from desktop.widgets.form import Form, request


class KeptSession:
    """The session token on disk, readable by its owner only, for one hub address."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "session.json"

    def load(self, address: str) -> str:
        """The token for this hub, or nothing."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return str(kept["token"]) if kept["address"] == address else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def keep(self, address: str, token: str) -> None:
        """Remember the token."""
        private_dir(self._file.parent)
        write_private(self._file, json.dumps({"address": address, "token": token}))

    def forget(self) -> None:
        """Remove it."""
        self._file.unlink(missing_ok=True)


class LogInDialog(QDialog):
    """Asks until it works or another hub is wanted. `logged_in` carries the answer and whether to stay so."""

    logged_in = Signal(object, bool)
    other_hub = Signal()

    def __init__(self, hub: HubClient, login: str = "", trouble: FettleError | None = None) -> None:
        super().__init__()
        self.setWindowTitle(_("Log in – Fettle"))
        self.setFixedWidth(440)
        self._hub = hub
        self.form = Form()
        self.form.add("login", _("Log-in name"), inputs.line(login))
        self.form.add("password", _("Password"), inputs.line(secret=True))
        self.keep = inputs.tick(_("Stay logged in on this computer"), True)
        self.keep.setAccessibleName(self.keep.text())
        self._busy = BusyLine()
        self.trouble = text_label("", "bad", wrap=True, selectable=True)
        self.trouble.hide()
        self._go = button(_("Log in"), self.try_it, main=True)
        self._go.setDefault(True)
        picture = QLabel()
        picture.setPixmap(
            QPixmap(str(ASSETS / "icons" / "fettle.svg")).scaled(
                44, 44, mode=Qt.TransformationMode.SmoothTransformation
            )
        )
        words = column(
            text_label(_("Log in"), "title"), text_label(hub.address, "muted", selectable=True), spacing=0
        )
        self.setLayout(
            column(
                self._busy,
                row(picture, words, None, spacing=12),
                8,
                self.form,
                self.keep,
                self.trouble,
                row(button(_("Another hub …"), self.other_hub.emit), None, self._go),
                spacing=10,
                margins=(24, 12, 24, 20),
            )
        )
        if trouble is not None:
            self._on_failed(trouble)
        self.form.fields["password" if login else "login"].setFocus()

    def try_it(self) -> None:
        """Send what was typed."""
        if not self._go.isEnabled():
            return
        values = self.form.values()
        body = request(LogIn, values | {"program": f"console {__version__} · {platform.node()}"[:200]})
        self._go.setEnabled(False)
        self._busy.start()
        tasks.run(lambda: self._hub.log_in(body), self._on_logged_in, self._on_failed, self)

    def _on_logged_in(self, answer: LoggedIn) -> None:
        self._busy.stop()
        self.logged_in.emit(answer, self.keep.isChecked())
        self.accept()

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self._go.setEnabled(True)
        self.trouble.setText(explain(error))
        self.trouble.show()
        self.adjustSize()
        self.form.fields["password"].setFocus()
