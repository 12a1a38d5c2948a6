"""Choosing several assets: the tree with ticks, a filter, all and none."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.i18n import _, ngettext
from core.wire.assets import AssetView, LocationView
from desktop.pages.asset_tree import AssetTree
from desktop.widgets.basics import SearchBox, button, column, row, text_label


class AssetPicker(QWidget):
    """`field_value` is the ids of the ticked assets, in the order of the tree."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = SearchBox(_("Filter by name, number, place, maker"))
        self.tree = AssetTree(checkable=True)
        self.every = button(_("Tick all shown"), lambda: self.tree.tick(self.tree.shown_assets()))
        self.none = button(_("Untick all"), lambda: self.tree.tick(self.tree.ticked(), False))
        self.count = text_label("", "muted")
        whole = column(spacing=6)
        whole.addLayout(row(self.search, self.every, self.none))
        whole.addWidget(self.tree, 1)
        whole.addWidget(self.count)
        self.setLayout(whole)
        self.search.searched.connect(self.tree.filter)
        self.tree.ticks_changed.connect(self._on_ticks)
        self.setFocusProxy(self.search)
        self._on_ticks()

    def set_things(self, locations: list[LocationView], assets: list[AssetView]) -> None:
        """Offer these."""
        self.tree.set_things(locations, assets)
        self.tree.filter(self.search.text())

    def set_ticked(self, asset_ids: list[int]) -> None:
        """Tick just these."""
        self.tree.tick(self.tree.ticked(), False)
        self.tree.tick(asset_ids)

    def field_value(self) -> list[int]:
        """Ids of what is ticked."""
        return self.tree.ticked()

    def _on_ticks(self) -> None:
        n = len(self.tree.ticked())
        self.count.setText(ngettext("{n} asset chosen", "{n} assets chosen", n).format(n=n))
        self.none.setEnabled(n > 0)
        self.changed.emit()
