"""One asset on the right: its facts to edit, live points, tickets, files and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedLayout, QTabWidget, QWidget

from core.errors import AppError, FettleError
from core.i18n import _, explain, label
from core.wire.assets import AssetView, LocationView, SaveAsset
from core.wire.tickets import TicketRowView
from desktop.pages.asset_dialogs import add_asset_fields, asset_body
from desktop.pages.asset_files import AssetFiles
from desktop.pages.asset_labels import AssetLabels
from desktop.pages.asset_live import LivePoints
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, button, column, row, text_label
from desktop.widgets.form import Form, request
from desktop.widgets.inputs import Choice, choice
from desktop.widgets.page import Page
from desktop.widgets.table import Table

_OPEN = ("new", "assigned", "in_progress", "on_hold")


def ticket_columns() -> Sequence[Column[TicketRowView]]:
    """Tickets of one asset."""
    return (
        Column("number", _("Number"), lambda t: t.number, width=120),
        Column(
            "state",
            _("State"),
            lambda t: label(f"ticket.state.{t.state}"),
            colour=lambda t: "accent" if t.state in _OPEN else "muted",
            width=90,
        ),
        Column("type", _("Type"), lambda t: label(f"ticket.type.{t.type}"), width=90),
        Column("title", _("Title"), lambda t: t.title, width=300),
        Column("assignee", _("Assignee"), lambda t: t.assignee.name if t.assignee else "", width=100),
        Column(
            "reported",
            _("Reported"),
            lambda t: f"{t.reported_at.astimezone():%Y-%m-%d %H:%M}",
            lambda t: t.reported_at,
            width=130,
        ),
    )


class AssetDetail(QWidget):
    """`saved` carries the asset before and after; `reload` asks the page to fetch it anew."""

    saved = Signal(object, object)
    reload = Signal(int)

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self.asset: AssetView | None = None
        self.dirty = False
        self._may_edit = page.shell.may("asset.edit")
        self.heading = text_label("", "title", wrap=True, selectable=True)
        self.subtitle = text_label("", "muted", wrap=True, selectable=True)
        self.trouble = text_label("", "bad", wrap=True, selectable=True)
        self.newer = button(_("Load the newer version"), self.on_revert, "refresh")
        self.report = button(_("New ticket"), self.on_ticket, "plus", main=True)
        self.retire = button(_("Retire"), self.on_retire, "archive-outline")
        self.report.setVisible(page.shell.may("ticket.create"))
        self.retire.setVisible(self._may_edit)
        self.live = LivePoints(page)
        self.files = AssetFiles(page, self.on_reload)
        self.labels = AssetLabels(page)
        self.tickets: Table[TicketRowView] = Table(
            "asset_tickets",
            _("Tickets of the asset"),
            ticket_columns(),
            lambda ticket: ticket.id,
            page.shell.store,
            sort="reported",
            descending=True,
            empty=EmptyState("clipboard-check-outline", _("No tickets on this asset so far")),
        )
        self.tickets.opened.connect(lambda ticket: page.shell.open_ticket(ticket.id))
        self.form = Form()
        self._form_area = QScrollArea()
        self._form_area.setWidgetResizable(True)
        self._form_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._form_area.setAccessibleName(_("Details"))
        self.save = button(_("Save"), self.on_save, "content-save-outline", main=True, shortcut="Ctrl+S")
        self.revert = button(_("Discard changes"), self.on_revert)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName(_("Asset"))
        self._lay_out()
        self._mark(False)

    # ---- showing

    def show_asset(
        self,
        asset: AssetView | None,
        locations: list[LocationView],
        assets: list[AssetView],
        teams: list[Choice],
    ) -> None:
        """Show this asset; what is typed into another version of it stays and is named."""
        if asset is not None and self.dirty and self.asset is not None and self.asset.id == asset.id:
            if asset.version != self.asset.version:
                self._say(_("Somebody else has changed this asset meanwhile."), newer=True)
            return
        self.asset = asset
        self._stack.setCurrentIndex(0 if asset is None else 1)
        self.live.show_asset(asset.id if asset is not None else None)
        self.labels.show_asset(asset)
        if asset is None:
            self._mark(False)
            return
        self._say("")
        self.heading.setText(asset.name)
        place = [asset.number, asset.location_path, asset.category, label(f"criticality.{asset.criticality}")]
        self.subtitle.setText("  ·  ".join(filter(None, [*place, _("retired") if asset.retired else ""])))
        self.retire.setText(_("Back into service") if asset.retired else _("Retire"))
        self._fill(asset, locations, assets, teams)
        self.files.show_asset(asset)
        self.tabs.setTabText(2, _("Files") + (f" ({len(asset.files)})" if asset.files else ""))
        self.fetch_tickets()
        self._mark(False)

    def fetch_tickets(self) -> None:
        """The tickets anew."""
        if self.asset is not None:
            asset_id = self.asset.id
            self._page.run(
                lambda: self._page.hub.asset_tickets(asset_id),
                lambda found: self._show_tickets(asset_id, found),
            )

    def _show_tickets(self, asset_id: int, found: list[TicketRowView]) -> None:
        if self.asset is not None and self.asset.id == asset_id:
            self.tickets.set_rows(found)
            n = sum(ticket.state in _OPEN for ticket in found)
            self.tabs.setTabText(1, _("Tickets") + (f" ({n})" if n else ""))

    def _fill(
        self, asset: AssetView, locations: list[LocationView], assets: list[AssetView], teams: list[Choice]
    ) -> None:
        form = Form()
        add_asset_fields(form, asset, locations, assets, self._page.shell.me.currency)
        form.add("team_id", _("Team"), choice(teams, asset.team.id if asset.team else None))
        form.setEnabled(self._may_edit and not asset.retired)
        form.changed.connect(lambda: self._mark(True))
        place = self._form_area.verticalScrollBar().value()
        self.form = form
        holder = QWidget()
        holder.setLayout(column(form, None, margins=(2, 8, 12, 8)))
        self._form_area.setWidget(holder)
        self._form_area.verticalScrollBar().setValue(place)

    # ---- doing

    def on_save(self) -> None:
        """Save what is typed."""
        asset = self.asset
        if asset is None or not self.dirty:
            return
        try:
            values: dict[str, Any] = self.form.values()
            values["downtime_cost_minor_per_h"] = values["downtime_cost_minor_per_h"] or 0
            body: SaveAsset = request(
                SaveAsset, values | {"version": asset.version, "number": values["number"] or None}
            )
        except AppError as error:
            self._on_failed(error)
            return
        self.save.setEnabled(False)
        self._page.run(
            lambda: self._page.hub.save_asset(asset.id, body),
            lambda now: self._on_saved(asset, now),
            self._on_failed,
        )

    def on_revert(self) -> None:
        """Show again what the hub has."""
        self._mark(False)
        self.on_reload()

    def on_reload(self) -> None:
        """Fetch this asset anew; what is typed stays."""
        if self.asset is not None:
            self.reload.emit(self.asset.id)

    def on_ticket(self) -> None:
        """The dialog for a new ticket on this asset."""
        if self.asset is not None:
            self._page.shell.new_ticket(self.asset.id)

    def on_retire(self) -> None:
        """Take the asset out of service, or back in; it can be undone."""
        asset = self.asset
        if asset is not None:
            body = asset_body(asset, retired=not asset.retired)
            self._page.run(
                lambda: self._page.hub.save_asset(asset.id, body),
                lambda now: self._on_saved(asset, now),
                self._on_failed,
            )

    def _on_saved(self, before: AssetView, now: AssetView) -> None:
        self._mark(False)
        self._say("")
        self.saved.emit(before, now)

    def _on_failed(self, error: FettleError) -> None:
        self.save.setEnabled(self.dirty)
        self.form.show_errors(error)
        self._say(explain(error), newer=error.code == "asset.changed")

    def _say(self, words: str, newer: bool = False) -> None:
        self.trouble.setText(words)
        self.trouble.setVisible(bool(words))
        self.newer.setVisible(newer)

    def _mark(self, dirty: bool) -> None:
        self.dirty = dirty
        self.save.setEnabled(dirty)
        self.revert.setEnabled(dirty)

    # ---- building

    def _lay_out(self) -> None:
        facts = QWidget()
        layout = column(spacing=6)
        layout.addWidget(self._form_area, 1)
        if self._may_edit:
            layout.addLayout(row(None, self.revert, self.save, margins=(0, 0, 12, 0)))
        facts.setLayout(layout)
        points = QWidget()
        layout = column(text_label(_("Live points"), "heading"), margins=(12, 8, 0, 0), spacing=8)
        layout.addWidget(self.live, 1)
        points.setLayout(layout)
        overview = QSplitter(Qt.Orientation.Horizontal)
        overview.addWidget(facts)
        overview.addWidget(points)
        overview.setSizes([500, 450])
        overview.setChildrenCollapsible(False)
        tickets = QWidget()
        layout = column(margins=(0, 8, 0, 0))
        layout.addWidget(self.tickets)
        tickets.setLayout(layout)
        for widget, words in (
            (overview, _("Overview")),
            (tickets, _("Tickets")),
            (self.files, _("Files")),
            (self.labels, _("Labels")),
        ):
            self.tabs.addTab(widget, words)
        shown = QWidget()
        whole = column(margins=(12, 0, 0, 0), spacing=4)
        whole.addLayout(row(self.heading, None, self.retire, self.report))
        whole.addWidget(self.subtitle)
        whole.addLayout(row(self.trouble, self.newer))
        whole.addWidget(self.tabs, 1)
        shown.setLayout(whole)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(
            EmptyState(
                "robot-industrial-outline",
                _("Choose an asset on the left"),
                _("Its facts, live points, tickets, files and labels are shown here."),
            )
        )
        self._stack.addWidget(shown)
