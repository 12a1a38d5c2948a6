"""Pictures of what the pages of edges and alarms open: library, device, point, rule, trial, push, shelving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtWidgets import QDialog, QWidget

from core import i18n
from core.wire.edge_config import EDGE_FIGURES
from core.wire.fleet import RuleView, SaveRule
from core.wire.history import TrialResult
from desktop.main_window import MainWindow
from desktop.pages.alarms import AlarmsPage
from desktop.pages.edge_health import measure_itself
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_library_add import LibraryDeviceDialog
from desktop.pages.edge_point_fields import figure_words
from desktop.pages.edge_rule import RuleDialog
from desktop.pages.edges import EdgesPage
from desktop.widgets.form import body_of

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
    _measure_itself(page, eye)
    _library(page, eye, end)
    _tried_rule(page, eye, end)
    levels = page.levels
    levels.tabs.setCurrentWidget(levels.history)
    eye.take(window, f"console-edge-history{end}")
    levels.tabs.setCurrentWidget(levels.rule_level)
    for point in levels.points.rows():
        if point.type == "float32":  # a value of two registers, whose order shows
            levels.points.select(point.id)
    for name, ask in _dialogs(page):
        ask()
        eye.settle(1.0)
        dialog = _shown(page, QDialog)
        eye.take(dialog, f"console-edge-{name}{end}")
        dialog.reject()
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


def _measure_itself(page: EdgesPage, eye: Looker) -> None:
    """The edge's own figures, so that its health has something to show."""
    edge = page.strip.edge
    if edge is None or any(device.kind == "edge" for device in page.levels.devices.rows()):
        return
    names = {figure: figure_words(figure) for figure in EDGE_FIGURES}
    measure_itself(page.hub, edge, i18n._("The edge itself"), names)
    page.hub.push_config(edge.id)
    eye.settle(12.0, 30.0)
    page.refresh()
    eye.settle()


def _tried_rule(page: EdgesPage, eye: Looker, end: str) -> None:
    """The first rule over a number that would have raised, tried; and one change that is not pushed yet."""
    levels = page.levels
    for device in levels.devices.rows():
        if device.kind != "modbus_tcp":
            continue
        levels.devices.select(device.id)
        eye.settle(0.4)
        for point in levels.points.rows():
            levels.points.select(point.id)
            eye.settle(0.3)
            for rule in levels.rules.rows():
                if rule.condition == "high" and rule.limit is not None and _try(page, eye, rule, end):
                    page.hub.save_rule(rule.id, body_of(SaveRule, rule, limit=rule.limit + 2))
                    page.refresh()
                    eye.settle()
                    return


def _try(page: EdgesPage, eye: Looker, rule: RuleView, end: str) -> bool:
    page.levels.ask_rule(rule)
    eye.settle()
    dialog = _shown(page, RuleDialog)
    dialog.trial.period.setCurrentIndex(0)
    answers: list[TrialResult] = []
    dialog.trial.tried.connect(answers.append)
    dialog.trial.start()
    eye.settle(1.0)
    raised = bool(answers and answers[-1].tried.count)
    if raised:
        eye.take(dialog, f"console-edge-rule{end}")
    dialog.reject()
    return raised


def _shown(page: QWidget, kind: type[D]) -> D:
    """The dialog of one kind that was opened last."""
    return [one for one in page.findChildren(kind) if one.isVisible()][-1]
