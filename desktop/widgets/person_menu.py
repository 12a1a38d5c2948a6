"""The menu under the person's name: theme, font size, language, log out."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from core.i18n import _
from desktop import theme

SIZES_PT = (8.5, 9.5, 10.5, 12.0, 14.0)


def person_menu(
    window: QWidget,
    store: QSettings,
    restyle: Callable[[], None],
    commands: list[tuple[str, Callable[[], None]]],
) -> QMenu:
    """The menu, its choices kept in the settings at once and shown by `restyle`; then the commands."""
    menu = QMenu(window)
    _choices(
        menu.addMenu(_("Appearance")),
        store,
        restyle,
        "ui/theme",
        [("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
        theme.theme().mode,
    )
    sizes = [(str(size), f"{size:g} pt") for size in SIZES_PT]
    _choices(menu.addMenu(_("Font size")), store, restyle, "ui/font_pt", sizes, str(theme.theme().font_pt))
    _choices(
        menu.addMenu("语言 / Language"),
        store,
        restyle,
        "ui/language",
        [("", _("As the system")), ("zh_CN", "简体中文"), ("en", "English")],
        str(store.value("ui/language", "")),
    )
    menu.addSeparator()
    for words, call in commands:
        menu.addAction(words).triggered.connect(lambda _checked=False, call=call: call())
    return menu


def _choices(
    menu: QMenu,
    store: QSettings,
    restyle: Callable[[], None],
    key: str,
    options: list[tuple[str, str]],
    now: str,
) -> None:
    def choose(value: str) -> None:
        store.setValue(key, value)
        restyle()

    group = QActionGroup(menu)
    for value, words in options:
        made = QAction(words, menu)
        made.setCheckable(True)
        made.setChecked(value == now)
        group.addAction(made)
        menu.addAction(made)
        made.triggered.connect(lambda _checked=False, value=value: choose(value))
