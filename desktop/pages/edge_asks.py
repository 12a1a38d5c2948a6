"""The dialogs of the edges page: what each may name is fetched first, then it is opened. Knows no table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import FettleError
from core.i18n import _
from core.wire.assets import AssetView, FailureCodeView, PointValue
from core.wire.device_library import LibraryMap, PointsImported
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, PointView, RuleView, SaveDevice, SavePoint, SaveRule
from core.wire.parts import PartView
from core.wire.people import TeamView
from desktop.pages.edge_device import DeviceDialog
from desktop.pages.edge_import import ImportDialog
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_library_add import LibraryDeviceDialog
from desktop.pages.edge_point import PointDialog
from desktop.pages.edge_probe import ProbeDialog
from desktop.pages.edge_rule import RuleDialog
from desktop.pages.edge_terms import known_points
from desktop.pages.edge_write import WriteDialog
from desktop.widgets.form import FormDialog
from desktop.widgets.inputs import Choice
from desktop.widgets.page import Page

Named = tuple[list[TeamView], list[FailureCodeView], list[PartView], EdgeConfig]


class Asks(QObject):
    """`saved` carries (before or None, now, class of the request); `made` a new device; `changed` the rest."""

    saved = Signal(object, object, object)
    made = Signal(object)
    changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page, self._hub = page, page.hub

    # ---- devices

    def library(self, edge: EdgeView, known: dict[str, Any] | None = None) -> None:
        """Choose from the library; `known` is an address that was found."""
        hub = self._hub
        self._page.run(
            lambda: (hub.device_library(), hub.assets(), hub.devices(edge.id)),
            lambda answer: self._open_library(edge, known, *answer),
            lambda error: self._no_library(edge, known, error),
        )

    def device(
        self, edge: EdgeView, device: DeviceView | None = None, known: dict[str, Any] | None = None
    ) -> None:
        """The dialog of an empty device, or of one that is there."""
        hub = self._hub
        self._page.run(
            lambda: (hub.assets(), hub.devices(edge.id)),
            lambda answer: self._open(
                DeviceDialog(self._page, edge.id, device, asset_choices(answer[0]), answer[1], known),
                device,
                SaveDevice,
            ),
        )

    def probe(self, edge: EdgeView) -> None:
        """Look for devices behind an address."""
        dialog = ProbeDialog(self._page, edge)
        dialog.as_empty.connect(lambda known: self.device(edge, None, known))
        dialog.from_library.connect(lambda known: self.library(edge, known))
        dialog.open()

    def _open_library(
        self,
        edge: EdgeView,
        known: dict[str, Any] | None,
        maps: list[LibraryMap],
        assets: list[AssetView],
        devices: list[DeviceView],
    ) -> None:
        dialog = LibraryDialog(self._page, maps)

        def use(one: LibraryMap) -> None:
            step = LibraryDeviceDialog(self._page, edge.id, one, asset_choices(assets), devices, known)
            step.saved.connect(lambda _device: dialog.accept())
            step.saved.connect(self.made)
            step.open()

        def empty() -> None:
            dialog.accept()
            self.device(edge, None, known)

        dialog.chosen.connect(use)
        dialog.empty.connect(empty)
        dialog.open()

    def _no_library(self, edge: EdgeView, known: dict[str, Any] | None, error: FettleError) -> None:
        """Say so, and offer what can be done without it."""
        self._page.tell(error)
        self.device(edge, None, known)

    # ---- points

    def point(
        self,
        device: DeviceView,
        point: PointView | None = None,
        like: PointView | None = None,
        siblings: Sequence[PointView] = (),
        value: PointValue | None = None,
    ) -> None:
        """The dialog of a point; `like` fills in a new one."""
        self._page.run(
            self._hub.assets,
            lambda assets: self._open(
                PointDialog(self._page, device, point, asset_choices(assets), like, siblings, value),
                point,
                SavePoint,
            ),
        )

    def table(self, device: DeviceView) -> None:
        """Points from a table."""
        dialog = ImportDialog(self._page, device)
        dialog.imported.connect(self._on_imported)
        dialog.open()

    def write(self, point: PointView, value: PointValue | None) -> None:
        """A new value for a writable point."""
        dialog = WriteDialog(self._page, point, value)
        dialog.open()

    # ---- rules

    def rule(self, edge: EdgeView, point: PointView, rule: RuleView | None = None) -> None:
        """The dialog of a rule."""
        hub, may = self._hub, self._page.shell.may
        self._page.run(
            lambda: (
                hub.teams() if may("people.read") else [],
                hub.failure_codes(),
                hub.parts() if may("part.read") else [],
                hub.edge_config(edge.id),
            ),
            lambda named: self._open(self._rule_dialog(point, rule, named), rule, SaveRule),
        )

    def _rule_dialog(self, point: PointView, rule: RuleView | None, named: Named) -> RuleDialog:
        teams: list[Choice] = [(None, _("the team of the asset"))]
        teams += [(team.id, team.name) for team in named[0] if team.active]
        modes: list[Choice] = [("", _("– none –"))]
        modes += [(code.code, f"{code.code}  {code.name}") for code in named[1] if code.kind == "mode"]
        return RuleDialog(self._page, point, rule, teams, modes, named[2], known_points(named[3]))

    # ---- inside

    def _open(self, dialog: FormDialog, before: Any, kind: Any) -> None:
        dialog.saved.connect(partial(self._on_saved, before, kind))
        dialog.open()

    def _on_saved(self, before: Any, kind: Any, now: Any) -> None:
        self.saved.emit(before, now, kind)

    def _on_imported(self, found: PointsImported) -> None:
        words = _("{added} points added, {changed} changed. Push to the edge to make them count.")
        self._page.shell.toast(words.format(added=found.added, changed=found.changed))
        self.changed.emit()


def asset_choices(assets: list[AssetView]) -> list[Choice]:
    """Assets for a box, or none."""
    return [(None, _("– none –")), *((asset.id, f"{asset.name}  {asset.number}") for asset in assets)]
