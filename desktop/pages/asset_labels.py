"""The printed labels of one asset: when, whether still valid, revoking a lost one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QMessageBox, QWidget

from core.i18n import _
from core.wire.assets import AssetView, LabelView
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, button, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table


def label_columns() -> Sequence[Column[LabelView]]:
    """Labels, newest first."""
    return (
        Column(
            "printed",
            _("Printed"),
            lambda p: f"{p.created_at.astimezone():%Y-%m-%d %H:%M}",
            lambda p: p.created_at,
            icon=lambda p: "qrcode-remove" if p.revoked_at else "qrcode",
            width=170,
        ),
        Column(
            "state",
            _("State"),
            lambda p: (
                _("revoked {at}").format(at=f"{p.revoked_at.astimezone():%Y-%m-%d}")
                if p.revoked_at
                else _("valid")
            ),
            colour=lambda p: "muted" if p.revoked_at else "good",
            width=160,
        ),
    )


class AssetLabels(QWidget):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._asset: AssetView | None = None
        may_print = page.shell.may("label.print")
        self.print = button(_("Print label"), self.on_print, "printer-outline")
        self.revoke = button(
            _("Revoke"),
            self.on_revoke,
            "qrcode-remove",
            tip=_("For a lost or copied label: its code stops working."),
        )
        self.print.setVisible(may_print)
        self.revoke.setVisible(may_print)
        self.table: Table[LabelView] = Table(
            "asset_labels",
            _("Labels of the asset"),
            label_columns(),
            lambda one: one.id,
            page.shell.store,
            sort="printed",
            descending=True,
            empty=EmptyState(
                "qrcode",
                _("No label printed yet"),
                _("With a label on it, anyone can report a fault of this asset by phone, without log-in."),
                _("Print label") if may_print else "",
                self.on_print,
            ),
        )
        self.table.picked.connect(self._on_picked)
        whole = column(margins=(0, 8, 0, 0), spacing=8)
        hint = text_label(_("Each print has a code of its own."), "muted")
        whole.addLayout(row(hint, None, self.revoke, self.print))
        whole.addWidget(self.table, 1)
        self.setLayout(whole)
        self._on_picked()

    def show_asset(self, asset: AssetView | None) -> None:
        """Show the labels of this asset."""
        if asset is None or self._asset is None or asset.id != self._asset.id:
            self.table.set_rows([])
        self._asset = asset
        if asset is not None:
            asset_id = asset.id
            self._page.run(
                lambda: self._page.hub.asset_labels(asset_id), lambda found: self._show(asset_id, found)
            )

    def on_print(self) -> None:
        """Go to the labels page with just this asset ticked."""
        if self._asset is not None:
            choose = getattr(self._page.shell.open_page("labels"), "choose", None)
            if choose is not None:
                choose([self._asset.id])

    def on_revoke(self) -> None:
        """Make the chosen labels invalid, after a question: it cannot be undone."""
        chosen = [one for one in self.table.selected() if one.revoked_at is None]
        words = _("The code on this label will no longer work, and cannot be made valid again. Revoke it?")
        if chosen and QMessageBox.question(self, _("Revoke"), words) is QMessageBox.StandardButton.Yes:
            self._page.run(
                lambda: [self._page.hub.revoke_label(one.id) for one in chosen],
                lambda _done: self.show_asset(self._asset),
            )

    def _show(self, asset_id: int, found: list[LabelView]) -> None:
        if self._asset is not None and self._asset.id == asset_id:
            self.table.set_rows(found)
            self._on_picked()

    def _on_picked(self) -> None:
        self.revoke.setEnabled(any(one.revoked_at is None for one in self.table.selected()))
