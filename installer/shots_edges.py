"""Pictures of what the pages of edges and alarms open: library, device, point, rule, trial, push, shelving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtWidgets import QDialog, QWidget

from desktop.main_window import MainWindow
from desktop.pages.alarms import AlarmsPage
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_library_add import LibraryDeviceDialog
from desktop.pages.edge_rule import RuleDialog
from desktop.pages.edges import EdgesPage

D = TypeVar("D", bound=QDialog)


class Looker(Protocol):
    """Who takes the pictures."""

    def settle(self, quiet_s: float = 0.6, timeout_s: float = 15.0) -> None:
        """Let the program run until nothing has been under way for a moment."""

    def take(self, widget: QWidget, name: str) -> None:
        """Keep a picture of `widget`."""


def edge_pictures(window: MainWindow, eye: Looker, end: str) -> None:
    """The dialogs of edges and alarms, and the history of a point; `end` is of the theme."""
    page = window.open_page("edges")
    assert isinstance(page, EdgesPage)
    eye.settle()
    _library(page, eye, end)
    levels = page.levels
    found = _with_rule(page, eye)
    if found:
        levels.ask_rule(levels.rules.rows()[0])
        eye.settle()
        dialog = _shown(page, RuleDialog)
        dialog.trial.period.setCurrentIndex(0)
        dialog.trial.start()
        eye.settle(1.0)
        eye.take(dialog, f"console-edge-rule{end}")
        dialog.reject()
    levels.tabs.setCurrentWidget(levels.history)
    eye.take(window, f"console-edge-history{end}")
    levels.tabs.setCurrentWidget(levels.rule_level)
    for name, ask in _dialogs(page):
        ask()
        eye.settle(1.0)
        dialog_shown = _shown(page, QDialog)
        eye.take(dialog_shown, f"console-edge-{name}{end}")
        dialog_shown.reject()
    alarms = window.open_page("alarms")
    assert isinstance(alarms, AlarmsPage)
    eye.settle()
    if alarms.table.rows():
        alarms.table.view.selectRow(0)
        alarms.shelve()
        eye.settle()
        shelving = _shown(alarms, QDialog)
        eye.take(shelving, f"console-alarm-shelve{end}")
        shelving.reject()


def _dialogs(page: EdgesPage) -> list[tuple[str, Callable[[], None]]]:
    levels = page.levels
    return [
        ("point", lambda: levels.ask_point(levels.points.current())),
        ("device", lambda: levels.ask_device(levels.devices.current())),
        ("table", levels.ask_table),
        ("probe", levels.ask_probe),
        ("health", page.strip.on_health),
        ("push", page.strip.on_push),
    ]


def _library(page: EdgesPage, eye: Looker, end: str) -> None:
    page.levels.ask_device()
    eye.settle()
    library = _shown(page, LibraryDialog)
    library.list.setCurrentRow(min(4, library.list.count() - 1))
    eye.take(library, f"console-edge-library{end}")
    library.on_use()
    eye.settle()
    step = _shown(page, LibraryDeviceDialog)
    eye.take(step, f"console-edge-from-library{end}")
    step.reject()
    library.reject()


def _with_rule(page: EdgesPage, eye: Looker) -> bool:
    """Choose the first point that has a rule over a number."""
    for point in page.levels.points.rows():
        page.levels.points.select(point.id)
        eye.settle(0.2)
        if any(rule.limit is not None for rule in page.levels.rules.rows()):
            return True
    return False


def _shown(page: QWidget, kind: type[D]) -> D:
    """The dialog of one kind that was opened last."""
    return [one for one in page.findChildren(kind) if one.isVisible()][-1]
