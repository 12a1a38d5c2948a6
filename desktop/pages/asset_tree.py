"""The tree of locations and assets, to choose from, to tick in, or to rearrange by dragging. Asks the hub nothing."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDropEvent, QIcon
from PySide6.QtWidgets import QAbstractItemView, QTreeWidget, QTreeWidgetItem, QWidget

from core.i18n import _
from core.wire.assets import AssetView, LocationView
from desktop import theme

_KEY = Qt.ItemDataRole.UserRole
_UNTICKED = Qt.CheckState.Unchecked
Key = tuple[str, int]
NOWHERE: Key = ("none", 0)
_ICONS = {"site": "factory", "area": "floor-plan", "line": "source-branch", "none": "help-circle-outline"}


class AssetTree(QTreeWidget):
    """Keys are ("location", id) or ("asset", id)."""

    chosen = Signal(str, int)
    moved = Signal(str, int, str, int)  # what, to where
    ticks_changed = Signal()

    def __init__(self, checkable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checkable = checkable
        self._filling = False
        self._items: dict[Key, QTreeWidgetItem] = {}
        self._icons: dict[str, QIcon] = {}
        self._drawn: object = None
        self._shown: dict[int, AssetView] = {}
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setAccessibleName(_("Locations and assets"))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        if checkable:
            self.itemChanged.connect(self._on_ticked)
        else:
            self.currentItemChanged.connect(self._on_current)

    def allow_moves(self, allowed: bool) -> None:
        """Let rows be dragged onto a new parent."""
        mode = QAbstractItemView.DragDropMode
        self.setDragDropMode(mode.DragDrop if allowed else mode.NoDragDrop)
        # Copying, for Qt: a move would take the row away by itself, before the hub has agreed.
        self.setDefaultDropAction(Qt.DropAction.CopyAction)

    def set_things(self, locations: list[LocationView], assets: list[AssetView]) -> None:
        """Show these, keeping what is open, chosen and ticked."""
        shape = _shape(locations, assets)
        if shape == self._drawn:  # mostly only counts have changed: thousands of rows need not be made anew
            self._refresh(assets)
            return
        self._drawn = shape
        self._shown = {asset.id: asset for asset in assets}
        self._filling = True
        closed = {key for key, item in self._items.items() if not item.isExpanded()}
        current = self.current()
        ticked = set(self.ticked())
        scroll = self.verticalScrollBar().value()
        self.clear()
        self._items = {}
        for location in locations:
            self._make(("location", location.id), location.name, self._icon(_ICONS[location.kind]))
        for asset in assets:
            self._make(("asset", asset.id), f"{asset.name}  {asset.number}", self._asset_icon(asset))
            item = self._items["asset", asset.id]
            item.setToolTip(0, self._asset_tip(asset))
            if self._checkable:
                on = asset.id in ticked
                item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self._hang(locations, assets)
        self._tick_locations()
        for key, item in self._items.items():
            item.setExpanded(key not in closed)
        self._filling = False
        self.verticalScrollBar().setValue(scroll)
        if current is not None and current in self._items:
            self.blockSignals(True)
            self.setCurrentItem(self._items[current])
            self.blockSignals(False)
        if self._checkable:
            self.ticks_changed.emit()

    def _refresh(self, assets: list[AssetView]) -> None:
        self._filling = True
        for asset in assets:
            old = self._shown[asset.id]
            if (asset.version, asset.open_tickets, asset.active_alarms) != (
                old.version,
                old.open_tickets,
                old.active_alarms,
            ):
                self._shown[asset.id] = asset
                item = self._items["asset", asset.id]
                item.setIcon(0, self._asset_icon(asset))
                item.setToolTip(0, self._asset_tip(asset))
        self._filling = False

    def current(self) -> Key | None:
        """What is chosen."""
        item = self.currentItem()
        return None if item is None else self._key(item)

    def choose(self, key: Key) -> None:
        """Choose this and bring it into view."""
        item = self._items.get(key)
        if item is not None:
            self.setCurrentItem(item)
            self.scrollToItem(item)

    def ticked(self) -> list[int]:
        """Ids of the ticked assets, in the order of the tree."""
        return (
            [
                self._key(item)[1]
                for item in self._walk()
                if item.checkState(0) == Qt.CheckState.Checked and self._key(item)[0] == "asset"
            ]
            if self._checkable
            else []
        )

    def tick(self, asset_ids: list[int], on: bool = True) -> None:
        """Tick these, or take their ticks away."""
        self._filling = True
        for asset_id in asset_ids:
            item = self._items.get(("asset", asset_id))
            if item is not None:
                item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self._tick_locations()
        self._filling = False
        self.ticks_changed.emit()

    def shown_assets(self) -> list[int]:
        """Ids of the assets that the filter lets through."""
        return [key[1] for key, item in self._items.items() if key[0] == "asset" and not item.isHidden()]

    def filter(self, text: str) -> int:
        """Show only what has all the words, with what it hangs under; how many assets are left."""
        words = text.casefold().split()
        for item in self._walk():
            item.setHidden(bool(words))
        found = 0
        for key, item in self._items.items():
            if not words or all(
                word in item.toolTip(0).casefold() or word in item.text(0).casefold() for word in words
            ):
                found += key[0] == "asset"
                self._show_branch(item)
        return found

    def _show_branch(self, item: QTreeWidgetItem) -> None:
        above: QTreeWidgetItem | None = item
        while above is not None:
            above.setHidden(False)
            above = above.parent()
        for below in _children(item):
            self._show_below(below)

    def _show_below(self, item: QTreeWidgetItem) -> None:
        item.setHidden(False)
        for below in _children(item):
            self._show_below(below)

    # ---- filling

    def _make(self, key: Key, text: str, icon: QIcon) -> None:
        item = QTreeWidgetItem([text])
        item.setData(0, _KEY, key)
        item.setIcon(0, icon)
        if key[0] == "none":
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDragEnabled)
        self._items[key] = item

    def _hang(self, locations: list[LocationView], assets: list[AssetView]) -> None:
        for location in locations:
            above = self._items.get(("location", location.parent_id or 0))
            self._under(above, self._items["location", location.id])
        nowhere: QTreeWidgetItem | None = None
        for asset in assets:
            item = self._items["asset", asset.id]
            above = self._items.get(("asset", asset.parent_id or 0)) or self._items.get(
                ("location", asset.location_id or 0)
            )
            if above is None and locations:
                if nowhere is None:
                    self._make(NOWHERE, _("Without a location"), self._icon(_ICONS["none"]))
                    nowhere = self._items[NOWHERE]
                above = nowhere
            self._under(above, item)
        if nowhere is not None:
            self.addTopLevelItem(nowhere)

    def _under(self, above: QTreeWidgetItem | None, item: QTreeWidgetItem) -> None:
        if above is None:
            self.addTopLevelItem(item)
        else:
            above.addChild(item)

    def _icon(self, name: str, colour: str = "muted") -> QIcon:
        key = f"{name}/{colour}"
        if key not in self._icons:
            self._icons[key] = theme.icon(name, colour)
        return self._icons[key]

    def _asset_icon(self, asset: AssetView) -> QIcon:
        if asset.active_alarms:
            return self._icon("alert-circle", "bad")
        if asset.retired:
            return self._icon("archive-outline")
        return self._icon("cog-outline", "warn" if asset.open_tickets else "muted")

    def _asset_tip(self, asset: AssetView) -> str:
        lines = [
            f"{asset.number}  {asset.name}",
            " ".join(filter(None, (asset.category, asset.maker, asset.model))),
        ]
        lines.append(asset.location_path)
        if asset.active_alarms:
            lines.append(_("Active alarms: {n}").format(n=asset.active_alarms))
        if asset.open_tickets:
            lines.append(_("Open tickets: {n}").format(n=asset.open_tickets))
        return "\n".join(line for line in lines if line)

    # ---- what the user does

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and not self._filling:
            self.chosen.emit(*self._key(item))

    def _on_ticked(self, item: QTreeWidgetItem) -> None:
        if self._filling:
            return
        self._filling = True
        if self._key(item)[0] != "asset":
            for below in _descendants(item):
                if not below.isHidden():  # what the filter hides is not meant
                    below.setCheckState(0, item.checkState(0))
        self._tick_locations()
        self._filling = False
        self.ticks_changed.emit()

    def _tick_locations(self) -> None:
        """A place shows whether all, some or none of what lies in it is ticked."""
        if not self._checkable:
            return
        for key, item in self._items.items():
            if key[0] != "asset":
                states = {b.checkState(0) for b in _descendants(item) if self._key(b)[0] == "asset"}
                mixed = Qt.CheckState.PartiallyChecked
                item.setCheckState(0, states.pop() if len(states) == 1 else mixed if states else _UNTICKED)

    def dropEvent(self, event: QDropEvent) -> None:
        """Only tell what was dropped where: the tree is rebuilt when the hub has done it."""
        if event.source() is not self:
            event.ignore()
            return
        target = self.itemAt(event.position().toPoint())
        dragged = self.current()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        to = self._key(target) if target is not None else NOWHERE
        if dragged is not None and dragged != to:
            self.moved.emit(*dragged, *to)

    def _walk(self) -> Iterator[QTreeWidgetItem]:
        waiting = _children(self.invisibleRootItem())[::-1]
        while waiting:
            item = waiting.pop()
            yield item
            waiting.extend(reversed(_children(item)))

    @staticmethod
    def _key(item: QTreeWidgetItem) -> Key:
        kind, thing_id = item.data(0, _KEY)
        return str(kind), int(thing_id)


def _shape(locations: list[LocationView], assets: list[AssetView]) -> object:
    """All of the lists that decides which rows there are, where, and what they say."""
    return (
        [(place.id, place.kind, place.name, place.parent_id) for place in locations],
        [(one.id, one.name, one.number, one.parent_id, one.location_id, one.retired) for one in assets],
    )


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    below = (item.child(n) for n in range(item.childCount()))
    return [child for child in below if child is not None]


def _descendants(item: QTreeWidgetItem) -> Iterator[QTreeWidgetItem]:
    for child in _children(item):
        yield child
        yield from _descendants(child)
