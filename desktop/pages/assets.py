"""Assets: the tree of places and machines on the left, the chosen machine on the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedLayout, QWidget

from core.errors import FettleError
from core.i18n import _, ngettext
from core.wire.assets import AssetView, LocationView
from core.wire.journal import JournalEntry
from core.wire.people import TeamView
from desktop.pages.asset_detail import AssetDetail
from desktop.pages.asset_dialogs import asset_body, asset_dialog, location_body, location_dialog
from desktop.pages.asset_tree import AssetTree
from desktop.widgets.basics import (
    EmptyState,
    SearchBox,
    action,
    button,
    chip,
    column,
    row,
    text_label,
    tool_button,
)
from desktop.widgets.inputs import Choice
from desktop.widgets.page import Page, Shell

Things = tuple[list[LocationView], list[AssetView], list[TeamView]]
_COUNTS = (
    "ticket.created",
    "ticket.resolved",
    "ticket.closed",
    "ticket.cancelled",
    "ticket.reopened",
    "alarm.raised",
)


class AssetsPage(Page):
    key = "assets"
    icon = "robot-industrial-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.locations: list[LocationView] = []
        self.assets: list[AssetView] = []
        self.teams: list[Choice] = []
        self._wanted: int | None = None
        self.may_edit = shell.may("asset.edit")
        self.search = SearchBox(_("Search assets"))
        self.retired = chip(_("Retired"), lambda _on: self.refresh(), tip=_("Show retired assets too"))
        self.count = text_label("", "muted")
        self.tree = AssetTree()
        self.tree.allow_moves(self.may_edit)
        self.tree.chosen.connect(self.on_chosen)
        self.tree.moved.connect(self.on_moved)
        self.search.searched.connect(self._on_searched)
        self.detail = AssetDetail(self)
        self.detail.saved.connect(self._on_saved)
        self.detail.reload.connect(self._fetch)
        self._lay_out()
        action(self, _("Find"), self.search.setFocus, "Ctrl+F")

    def title(self) -> str:
        return _("Assets")

    def help_text(self) -> str:
        return _(
            "Sites, areas and lines hold assets; an asset may hold others. Drag a row onto another to move it; the "
            "message at the bottom takes it back. A red sign means an active alarm, an orange one an open ticket. "
            "Nothing is deleted: an asset out of use is retired and keeps its history."
        )

    def refresh(self) -> None:
        hub, retired = self.hub, self.retired.isChecked()
        self.run(lambda: (hub.locations(), hub.assets(retired), self._teams()), self._show)

    def _teams(self) -> list[TeamView]:
        return self.hub.teams() if self.shell.may("people.read") else []

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.startswith(("asset.", "location.", "alarm.")) or entry.verb in _COUNTS:
            self.refresh_soon(1000)  # whole lists: once a second at most

    def unsaved(self) -> bool:
        return self.detail.dirty

    def show_asset(self, asset_id: int) -> None:
        """Choose this asset, also before the tree has come."""
        self._wanted = asset_id
        self.tree.choose(("asset", asset_id))

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        if not self.may_edit:
            return []
        return [
            (_("New asset"), "plus", self.on_new_asset),
            (_("New location"), "plus", self.on_new_location),
        ]

    # ---- what the user does

    def on_chosen(self, kind: str, thing_id: int) -> None:
        """Show what is chosen in the tree."""
        self._offer(kind)
        if kind == "asset":
            self._wanted = None
            self._fetch(thing_id)

    def on_moved(self, kind: str, thing_id: int, to_kind: str, to_id: int) -> None:
        """Hang a thing under another; the toast takes it back."""
        if kind == "location":
            location = next(one for one in self.locations if one.id == thing_id)
            if to_kind == "asset":
                self.shell.toast(_("A location cannot lie inside an asset."), bad=True)
            else:
                self._move_location(location, to_id or None, location.parent_id)
            return
        asset = next(one for one in self.assets if one.id == thing_id)
        target = next((one for one in self.assets if to_kind == "asset" and one.id == to_id), None)
        parent_id = target.id if target is not None else None
        location_id = target.location_id if target is not None else to_id or None
        self._move_asset(asset, (parent_id, location_id), (asset.parent_id, asset.location_id))

    def on_new_asset(self) -> None:
        """The dialog for a new asset, under what is chosen."""
        kind, thing_id = self.tree.current() or ("none", 0)
        under: tuple[int | None, int | None] = (None, None)
        if kind == "location":
            under = (thing_id, None)
        elif kind == "asset":
            beside = next((one for one in self.assets if one.id == thing_id), None)
            under = (beside.location_id if beside else None, beside.parent_id if beside else None)
        dialog = asset_dialog(self, self.locations, self.assets, self.teams, under)
        dialog.saved.connect(lambda asset: self._on_created(asset))
        dialog.open()

    def on_new_location(self) -> None:
        """The dialog for a new location, inside the one chosen; beside it when it is a line."""
        parent = self._chosen_location()
        if parent is not None and parent.kind == "line":
            parent = next((one for one in self.locations if one.id == parent.parent_id), None)
        self._open_location(None, parent)

    def on_edit_location(self) -> None:
        """The dialog for the chosen location."""
        chosen = self._chosen_location()
        if chosen is not None:
            self._open_location(chosen, None)

    def on_delete_location(self) -> None:
        """Remove the chosen location when it is empty; it can be undone."""
        chosen = self._chosen_location()
        if chosen is not None:
            self.run(lambda: self.hub.delete_location(chosen.id), lambda _none: self._on_deleted(chosen))

    # ---- doing

    def _chosen_location(self) -> LocationView | None:
        kind, thing_id = self.tree.current() or ("none", 0)
        return next((one for one in self.locations if kind == "location" and one.id == thing_id), None)

    def _open_location(self, location: LocationView | None, parent: LocationView | None) -> None:
        dialog = location_dialog(self, location, self.locations, parent)
        dialog.saved.connect(lambda _location: self.refresh())
        dialog.open()

    def _on_deleted(self, location: LocationView) -> None:
        body = location_body(location, version=None)
        self.shell.toast(
            _("{name} removed.").format(name=location.name),
            lambda: self.run(lambda: self.hub.create_location(body), lambda _one: self.refresh()),
        )
        self.refresh()

    def _move_location(
        self, location: LocationView, to: int | None, back: int | None, told: bool = False
    ) -> None:
        body = location_body(location, parent_id=to)

        def moved(now: LocationView) -> None:
            if not told:
                words = _("{name} moved.").format(name=now.name)
                self.shell.toast(words, lambda: self._move_location(now, back, to, told=True))
            self.refresh()

        self.run(lambda: self.hub.save_location(location.id, body), moved)

    def _move_asset(
        self,
        asset: AssetView,
        to: tuple[int | None, int | None],
        back: tuple[int | None, int | None],
        told: bool = False,
    ) -> None:
        body = asset_body(asset, parent_id=to[0], location_id=to[1])

        def moved(now: AssetView) -> None:
            if not told:
                words = _("{name} moved.").format(name=now.name)
                self.shell.toast(words, lambda: self._move_asset(now, back, to, told=True))
            self.refresh()

        self.run(lambda: self.hub.save_asset(asset.id, body), moved)

    def _on_created(self, asset: AssetView) -> None:
        self.shell.toast(_("Asset {number} added.").format(number=asset.number))
        self._wanted = asset.id
        self.refresh()

    def _on_saved(self, before: AssetView, now: AssetView) -> None:
        undo = asset_body(before, version=now.version)
        self.shell.toast(
            _("{name} saved.").format(name=now.name),
            lambda: self.run(lambda: self.hub.save_asset(now.id, undo), lambda _one: self.refresh()),
        )
        self._fetch(now.id)
        self.refresh()

    def _fetch(self, asset_id: int) -> None:
        self.run(lambda: self.hub.asset(asset_id), self._show_one, self._on_gone)

    def _on_gone(self, error: FettleError) -> None:
        self.tell(error)
        self.refresh()

    def _show_one(self, asset: AssetView) -> None:
        if self.tree.current() in (None, ("asset", asset.id)):
            self.detail.show_asset(asset, self.locations, self.assets, self.teams)

    def _show(self, things: Things) -> None:
        self.locations, self.assets, teams = things
        self.teams = [(None, _("– none –")), *((team.id, team.name) for team in teams if team.active)]
        self.tree.set_things(self.locations, self.assets)
        self._on_searched(self.search.text())
        self._stack.setCurrentIndex(1 if self.locations or self.assets else 0)
        if self._wanted is not None:
            self.tree.choose(("asset", self._wanted))
        kind, thing_id = self.tree.current() or ("none", 0)
        self._offer(kind)
        if kind == "asset":
            self._fetch(thing_id)

    def _on_searched(self, text: str) -> None:
        n = self.tree.filter(text)
        self.count.setText(ngettext("{n} asset", "{n} assets", n).format(n=n))

    def _offer(self, kind: str) -> None:
        for one in (self.edit_location, self.delete_location):
            one.setEnabled(kind == "location")

    def _lay_out(self) -> None:
        self.new_asset = button(_("New asset"), self.on_new_asset, "plus", main=True)
        self.new_location = button(_("New location"), self.on_new_location, "plus")
        self.edit_location = tool_button("pencil-outline", _("Edit location"), self.on_edit_location)
        self.delete_location = tool_button(
            "delete-outline", _("Remove empty location"), self.on_delete_location
        )
        for one in (self.new_asset, self.new_location, self.edit_location, self.delete_location):
            one.setVisible(self.may_edit)
        left = QWidget()
        layout = column(margins=(0, 0, 8, 0), spacing=8)
        layout.addLayout(row(self.search, self.retired))
        layout.addWidget(self.tree, 1)
        layout.addLayout(row(self.count, None, self.edit_location, self.delete_location))
        layout.addLayout(row(self.new_asset, self.new_location, None))
        left.setLayout(layout)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(self.detail)
        splitter.setSizes([340, 900])
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        empty = EmptyState(
            "factory",
            _("The plant is still empty"),
            _(
                "Begin with a site, such as the name of the plant; then add areas, lines and the assets on them."
            ),
            _("New location") if self.may_edit else "",
            self.on_new_location,
        )
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(empty)
        self._stack.addWidget(splitter)
        self.setLayout(column(body, margins=(12, 10, 12, 12)))
