"""The first minute: use this computer as the hub or connect to one, then the first set-up of a new hub.

Hands back an address and, after a set-up, the log-in that came with it. Stores nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFrame, QLabel, QPushButton, QStackedWidget, QWidget

from core.errors import AppError, FettleError
from core.i18n import _, current, explain
from core.wire.people import LoggedIn, SetUp, SetupState
from desktop import tasks, theme
from desktop.hub_client import HubClient, normal_address
from desktop.local_hub import LocalHub, Running
from desktop.widgets import inputs
from desktop.widgets.basics import BusyLine, button, card, column, row, text_label
from desktop.widgets.form import Form, request

LOGIN = "admin"


@dataclass(frozen=True)
class Chosen:
    """Which hub; `logged_in` when this was its first set-up."""

    address: str
    local: bool
    logged_in: LoggedIn | None = None


class FirstRun(QDialog):
    """Three steps at most: which hub, (its address), (its first set-up)."""

    chosen = Signal(object)
    language_chosen = Signal(str)

    def __init__(self, local_hub: LocalHub, address: str = "") -> None:
        super().__init__()
        self.setWindowTitle(_("Fettle – first start"))
        self.setMinimumSize(640, 560)
        self._local_hub = local_hub
        self._client: HubClient | None = None
        self._local = False
        self._busy = BusyLine()
        self._trouble = text_label("", "bad", wrap=True, selectable=True)
        self._trouble.hide()
        self._doing = text_label("", "muted")
        self._doing.hide()
        self._stack = QStackedWidget()
        self._welcome = self._make_welcome()
        self._connect, self._connect_form = self._make_connect(address)
        self._set_up, self._set_up_form = self._make_set_up()
        for page in (self._welcome, self._connect, self._set_up):
            self._stack.addWidget(page)
        self.setLayout(
            column(self._busy, self._stack, self._doing, self._trouble, margins=(28, 16, 28, 20), spacing=10)
        )

    # ---- step 1

    def _make_welcome(self) -> QWidget:
        page = QWidget()
        language = inputs.choice([("zh_CN", "简体中文"), ("en", "English")], current())
        language.setAccessibleName("语言 / Language")
        language.activated.connect(lambda _at: self.language_chosen.emit(str(language.currentData())))
        page.setLayout(
            column(
                row(text_label(_("Welcome to Fettle"), "title"), None, language),
                text_label(
                    _("Machines report their own faults, people close the loop. First: where is the hub?")
                ),
                12,
                self._offer(
                    "desktop-classic",
                    _("Use this computer as the hub"),
                    _(
                        "For one plant on one PC. The hub starts now, with its own database; others can join it later."
                    ),
                    _("Start the hub here"),
                    self.use_this_computer,
                    main=True,
                ),
                self._offer(
                    "server-network",
                    _("Connect to a hub"),
                    _(
                        "The hub runs already on another computer of the plant; its address is shown where it runs."
                    ),
                    _("Enter its address"),
                    lambda: self._show(self._connect),
                ),
                None,
                spacing=12,
            )
        )
        return page

    def _offer(
        self, icon: str, heading: str, text: str, do: str, clicked: Callable[[], None], main: bool = False
    ) -> QFrame:
        frame = card()
        picture = QLabel()
        picture.setPixmap(theme.icon(icon, "accent").pixmap(40, 40))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = column(text_label(heading, "heading"), text_label(text, "muted", wrap=True), spacing=4)
        words.addSpacing(6)
        words.addLayout(row(button(do, clicked, main=main), None))
        layout = row(picture, words, spacing=16, margins=(16, 16, 16, 16))
        layout.setStretch(1, 1)
        frame.setLayout(layout)
        return frame

    def use_this_computer(self) -> None:
        """Start (or find) the hub of this computer."""
        self._local = True
        self._wait(_("The hub is starting …"))
        tasks.run(self._local_hub.ensure, self._on_started, self._on_failed, self)

    def _on_started(self, running: Running) -> None:
        self._ask_state(running.url)

    # ---- step 2

    def _make_connect(self, address: str) -> tuple[QWidget, Form]:
        page, form = QWidget(), Form()
        field = inputs.line(address, "192.168.1.10:8750")
        form.add("address", _("Address of the hub"), field, _("For example http://fettle.local:8750"))
        page.setLayout(
            column(
                text_label(_("Connect to a hub"), "title"),
                12,
                form,
                row(
                    button(_("Back"), lambda: self._show(self._welcome)),
                    None,
                    button(_("Connect"), self.connect_to_address, main=True),
                ),
                None,
                spacing=10,
            )
        )
        return page, form

    def connect_to_address(self) -> None:
        """Try the address typed."""
        self._local = False
        self._connect_form.clear_errors()
        try:
            address = normal_address(self._connect_form.values()["address"])
        except AppError as error:
            self._on_failed(error)
            return
        self._ask_state(address)

    def _ask_state(self, address: str) -> None:
        client = HubClient(address)
        self._client = client

        def ask() -> SetupState:
            client.health()
            return client.setup_state()

        self._wait(_("Asking {address} …").format(address=address))
        tasks.run(ask, self._on_state, self._on_failed, self)

    def _on_state(self, state: SetupState) -> None:
        self._done_waiting()
        assert self._client is not None
        if not state.needed:
            self._finish(Chosen(self._client.address, self._local))
            return
        # On this computer the wizard reads the one-time code itself; from afar a person must have it.
        self._set_up_form.show_field("code", not (self._local and self._local_hub.setup_code()))
        self._show(self._set_up)

    # ---- step 3

    def _make_set_up(self) -> tuple[QWidget, Form]:
        page, form = QWidget(), Form()
        chinese = current() == "zh_CN"
        form.add(
            "code",
            _("One-time code"),
            inputs.line(),
            _("The hub shows it where it runs: fettle hub setup-code"),
        )
        form.add("plant", _("Name of the plant"), inputs.line(limit=100))
        form.add("name", _("Your name"), inputs.line(limit=100))
        form.add("login", _("Log-in name"), inputs.line(LOGIN), _("Lower-case letters, digits, . _ -"))
        form.add(
            "password",
            _("Password"),
            inputs.line(secret=True),
            _("At least 12 characters; a sentence is fine."),
        )
        form.add("again", _("Password again"), inputs.line(secret=True))
        options = [
            ("zh_CN" if chinese else "en", _("A sample plant, to look around")),
            ("none", _("Empty, to begin with my own plant")),
        ]
        form.add("sample", _("Begin with"), inputs.choice(options))
        form.add(
            "public_url",
            _("Address for phones"),
            inputs.line("", "http://192.168.1.10:8750"),
            _("Printed into the QR labels. May stay empty and be set later."),
        )
        page.setLayout(
            column(
                text_label(_("Set up the new hub"), "title"),
                text_label(_("You become its administrator."), "muted"),
                8,
                form,
                None,
                row(
                    button(_("Back"), lambda: self._show(self._welcome)),
                    None,
                    button(_("Set up"), self.set_up, main=True),
                ),
                spacing=6,
            )
        )
        return page, form

    def set_up(self) -> None:
        """Send the form."""
        form, client = self._set_up_form, self._client
        assert client is not None
        form.clear_errors()
        values: dict[str, Any] = form.values() | {"language": current()}
        again = values.pop("again")
        if self._local:
            values["code"] = self._local_hub.setup_code() or values["code"]
        try:
            if values["password"] != again:
                raise AppError("form.passwords_differ", fields={"again": "form.passwords_differ"})
            body = request(SetUp, values)
        except AppError as error:
            self._on_failed(error)
            return
        self._wait(_("The plant is being set up …"))
        tasks.run(lambda: client.set_up(body), self._on_set_up, self._on_failed, self)

    def _on_set_up(self, logged_in: LoggedIn) -> None:
        assert self._client is not None
        self._finish(Chosen(self._client.address, self._local, logged_in))

    # ---- all steps

    def _finish(self, chosen: Chosen) -> None:
        self._done_waiting()
        if self._client is not None:
            self._client.close()
        self.chosen.emit(chosen)
        self.accept()

    def _show(self, page: QWidget) -> None:
        self._trouble.hide()
        self._stack.setCurrentWidget(page)
        for made in page.findChildren(QPushButton):
            if made.property("main"):
                made.setDefault(True)  # Enter in any field
        first = next(
            (w for w in page.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus), None
        )
        if first is not None and not isinstance(first, QComboBox):
            first.setFocus()

    def _wait(self, words: str) -> None:
        self._trouble.hide()
        self._busy.start()
        self._stack.setEnabled(False)
        self._doing.setText(words)
        self._doing.show()

    def _done_waiting(self) -> None:
        self._busy.stop()
        self._stack.setEnabled(True)
        self._doing.hide()

    def _on_failed(self, error: FettleError) -> None:
        self._done_waiting()
        for form in (self._connect_form, self._set_up_form):
            if form.isVisible():
                form.show_errors(error)
                error = form.named(error)
        self._trouble.setText(explain(error))
        self._trouble.show()
