"""Settings of this console and of one's own account: look, language, the hub, log-ins, about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.errors import AppError
from core.i18n import _, label
from core.wire.journal import JournalEntry
from core.wire.people import ChangePassword, PlantView, SessionView
from desktop import theme, times
from desktop.lists import listed
from desktop.pages.settings_about import about_dialog, versions_words
from desktop.pages.settings_plant import plant_dialog
from desktop.table_model import Column
from desktop.widgets.basics import button, card, column, row, text_label
from desktop.widgets.form import Form, FormDialog, request
from desktop.widgets.inputs import Choice, choice, line
from desktop.widgets.page import Page, Shell
from desktop.widgets.person_menu import SIZES_PT
from desktop.widgets.table import Table


def session_columns() -> Sequence[Column[SessionView]]:
    """Where one is logged in."""
    return (
        Column(
            "program",
            _("Program"),
            lambda s: s.program or "–",
            bold=lambda s: s.current,
            icon=lambda s: "monitor" if "console" in s.program else "web",
            icon_colour=lambda s: "good" if s.current else "muted",
            width=210,
            stretch=True,
        ),
        Column("address", _("Address"), lambda s: s.address, width=105),
        Column("seen", _("Last used"), lambda s: times.ago(s.seen_at), lambda s: s.seen_at, width=90),
        Column(
            "since",
            _("Since"),
            lambda s: times.moment(s.created_at),
            lambda s: s.created_at,
            width=90,
            gives_way=1,
        ),
        Column(
            "current", "", lambda s: _("this one") if s.current else "", colour=lambda s: "good", width=60
        ),
    )


class SettingsPage(Page):
    key = "settings"
    icon = "cog-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        left = column(self._look_card(), self._hub_card(), self._about_card(), None, spacing=12)
        right = column(self._account_card(), None, spacing=12)
        body = QWidget()
        layout = QHBoxLayout(body)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(left, 1)
        layout.addLayout(right, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(column(area))

    def title(self) -> str:
        return _("Settings")

    def help_text(self) -> str:
        return _(
            "Appearance and language are kept on this computer and take effect at once. Log-ins that you do not know "
            "should be ended, and the password changed: all other log-ins then end by themselves."
        )

    def refresh(self) -> None:
        self.run(self.hub.sessions, self._show_sessions)
        self.run(
            self.hub.health, self._show_health, lambda _error: self.version.setText(_("does not answer"))
        )

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.startswith("session."):
            self.refresh_soon()

    # ---- what the user does

    def on_look(self, key: str, box: QComboBox) -> None:
        """Keep a choice and show it."""
        value = box.currentData()
        if str(self.shell.store.value(key, "")) != str(value):
            self.shell.store.setValue(key, value)
            self.shell.restyle()

    def on_password(self) -> None:
        """The dialog for another password."""

        def save(values: dict[str, Any]) -> None:
            if values.pop("again") != values["new"]:
                raise AppError(
                    "form.not_the_same", "the new passwords differ", {"again": "form.not_the_same"}
                )
            self.hub.change_password(request(ChangePassword, values))

        dialog = FormDialog(self, _("Change password"), save, ok=_("Change password"), width=440)
        dialog.add("old", _("Password now"), line(secret=True))
        dialog.add("new", _("New password"), line("", _("at least 12 characters"), secret=True, limit=128))
        dialog.add("again", _("New password again"), line(secret=True, limit=128))
        dialog.saved.connect(lambda _none: self._on_changed())
        dialog.open()

    def on_end(self) -> None:
        """End the chosen log-ins; not the one in use."""
        chosen = [session for session in self.sessions.selected() if not session.current]

        def end() -> None:
            for session in chosen:
                self.hub.end_session(session.id)

        self.run(end, lambda _none: self.refresh())

    def on_plant(self) -> None:
        """The dialog for the plant's name, language and address."""

        def show(plant: PlantView) -> None:
            dialog = plant_dialog(self, self.hub, plant)
            dialog.saved.connect(self._on_plant)
            dialog.open()

        self.run(self.hub.plant, show)

    def on_about(self) -> None:
        """Licences and versions."""
        about_dialog(self, self.version.text()).open()

    # ---- showing

    def _on_plant(self, plant: PlantView) -> None:
        self.shell.me.plant, self.shell.me.public_url = plant.name, plant.address
        self._show_plant(plant.name, plant.address)
        self.shell.toast(_("The plant's settings have been changed."))

    def _show_plant(self, name: str, address: str) -> None:
        self.plant_name.setText(name)
        self.public_url.setText(address or _("not set: labels cannot be printed"))

    def _on_changed(self) -> None:
        self.shell.toast(_("Password changed. Your other log-ins have been ended."))
        self.refresh()

    def _show_sessions(self, sessions: list[SessionView]) -> None:
        self.sessions.set_rows(sessions)
        self._on_picked()

    def _show_health(self, health: dict[str, str]) -> None:
        self.version.setText(health["version"])

    def _on_picked(self) -> None:
        self.end.setEnabled(any(not session.current for session in self.sessions.selected()))

    # ---- building

    def _look_card(self) -> QFrame:
        store = self.shell.store
        self.look = Form()
        modes: list[Choice] = [("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]
        sizes: list[Choice] = [(size, f"{size:g} pt") for size in SIZES_PT]
        languages: list[Choice] = [("", _("As the system")), ("zh_CN", "简体中文"), ("en", "English")]
        self.theme = choice(modes, theme.theme().mode)
        self.font_size = choice(sizes, theme.theme().font_pt)
        self.language = choice(languages, str(store.value("ui/language", "")))
        self.look.add("theme", _("Appearance"), self.theme)
        self.look.add("size", _("Font size"), self.font_size)
        self.look.add("language", _("Language"), self.language)
        for key, box in (
            ("ui/theme", self.theme),
            ("ui/font_pt", self.font_size),
            ("ui/language", self.language),
        ):
            box.activated.connect(lambda _at, key=key, box=box: self.on_look(key, box))
        return _card(_("Appearance and language"), self.look)

    def _hub_card(self) -> QFrame:
        me = self.shell.me
        self.version = text_label("…", selectable=True)
        self.plant_name = text_label("", selectable=True, wrap=True)
        self.public_url = text_label("", selectable=True, wrap=True)
        self._show_plant(me.plant, me.public_url)
        facts = _facts(
            (_("Address"), self.hub.address),
            (_("Plant"), self.plant_name),
            (_("Address on labels"), self.public_url),
            (_("Time zone"), me.timezone),
            (_("Currency"), me.currency),
            (_("Version"), self.version),
        )
        self.plant = button(_("Change plant"), self.on_plant, "pencil-outline")
        self.plant.setVisible(self.shell.may("settings.edit"))
        buttons = QWidget()
        buttons.setLayout(row(self.plant, None))
        hint = _("All other settings are in the hub's file hub.toml; docs/settings.md explains each.")
        return _card(_("Hub"), facts, buttons, text_label(hint, "muted", wrap=True))

    def _account_card(self) -> QFrame:
        me = self.shell.me
        roles = listed(label(f"role.{role}") for role in me.roles)
        facts = _facts(
            (_("Name"), me.name),
            (_("Login"), me.login),
            (_("Roles"), roles or "–"),
            (_("Teams"), listed(team.name for team in me.teams) or "–"),
        )
        self.password = button(_("Change password"), self.on_password, "lock-outline")
        self.end = button(_("End log-in"), self.on_end, "logout")
        self.sessions: Table[SessionView] = Table(
            "sessions",
            _("Where you are logged in"),
            session_columns(),
            lambda session: session.id,
            self.shell.store,
            sort="seen",
            descending=True,
        )
        self.sessions.setMinimumHeight(260)
        self.sessions.picked.connect(self._on_picked)
        self._on_picked()
        buttons = QWidget()
        buttons.setLayout(row(self.password, None))
        heading = QWidget()
        heading.setLayout(row(text_label(_("Where you are logged in"), "heading"), None, self.end))
        return _card(_("Your account"), facts, buttons, heading, self.sessions)

    def _about_card(self) -> QFrame:
        self.about = button(_("Licences and versions"), self.on_about, "information-outline")
        buttons = QWidget()
        buttons.setLayout(row(self.about, None))
        words = _("Fettle is open source under the Apache License 2.0.")
        return _card(
            _("About Fettle"),
            text_label(versions_words(), selectable=True),
            text_label(words, "muted", wrap=True),
            buttons,
        )


def _facts(*facts: tuple[str, str | QLabel]) -> QWidget:
    """Names and values side by side, to be read and copied."""
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setColumnStretch(1, 1)
    for at, (words, value) in enumerate(facts):
        shown = value if isinstance(value, QLabel) else text_label(value, selectable=True, wrap=True)
        shown.setAccessibleName(words)
        grid.addWidget(text_label(words, "muted"), at, 0)
        grid.addWidget(shown, at, 1)
    return box


def _card(heading: str, *widgets: QWidget) -> QFrame:
    frame = card()
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(16, 12, 16, 14)
    layout.setSpacing(8)
    layout.addWidget(text_label(heading, "heading"))
    for widget in widgets:
        layout.addWidget(widget)
    return frame
