"""The strip above an edge's devices: how it does, what is not pushed yet, what it refused and why."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame

from core.errors import FettleError, NotFound
from core.i18n import _, explain
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import ConfigPushed, EdgeView, JoinCode
from desktop import theme, times
from desktop.pages.edge_dialogs import JoinDialog, edge_dialog
from desktop.pages.edge_health import HealthDialog
from desktop.pages.edge_push import PushDialog, counts_words
from desktop.pages.edge_words import edge_state, error_place, error_words
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.page import Page

_SOFT = {"ok": "good_soft", "waiting": "info_soft", "warning": "bad_soft", "off": "alternate"}


class EdgeStrip(QFrame):
    """`changed` comes after a push or an edit; `refused` tells what the edge said against which thing."""

    changed = Signal()
    refused = Signal(object)

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self.edge: EdgeView | None = None
        self._config: EdgeConfig | None = None
        self.heading = text_label("", "title", wrap=True)
        self.facts = text_label("", "muted", wrap=True, selectable=True)
        self.state = text_label("", "heading", wrap=True)
        self.errors = text_label("", "bad", wrap=True, selectable=True)
        self.push = button(
            _("Push to edge"),
            self.on_push,
            "upload-network-outline",
            main=True,
            tip=_(
                "Send devices, points and rules as they stand here; the edge says whether it could apply them."
            ),
        )
        self.health = button(
            _("Health"),
            self.on_health,
            "heart-pulse",
            tip=_("Devices, lateness, load, clock and memory, live"),
        )
        self.join = button(_("Join code"), self.on_join, "key-outline")
        self.edit = button(_("Edit"), self.on_edit, "pencil-outline")
        may_edit = page.shell.may("fleet.edit")
        for one in (self.push, self.join, self.edit):
            one.setVisible(may_edit)
        self._box = QFrame()
        self._box.setLayout(column(self.state, self.errors, spacing=3, margins=(10, 6, 10, 6)))
        whole = column(spacing=6, margins=(0, 0, 0, 6))
        whole.addLayout(row(self.heading, None, self.health, self.edit, self.join, self.push))
        whole.addWidget(self.facts)
        whole.addWidget(self._box)
        self.setLayout(whole)
        theme.theme().changed.connect(self._paint)

    def show_edge(self, edge: EdgeView) -> None:
        """Show how this edge does."""
        self.edge = edge
        self.heading.setText(edge.name)
        facts = [
            edge.edge_id,
            _("program {version}").format(version=edge.agent_version) if edge.agent_version else "",
            _("last heard {ago}").format(ago=times.ago(edge.seen_at)),
            _("pushed version {n}").format(n=edge.config_version)
            if edge.config_version
            else _("nothing pushed yet"),
            _("runs version {n}").format(n=edge.applied_version) if edge.applied_version else "",
            _("{n} events waiting").format(n=edge.outbox_depth) if edge.outbox_depth else "",
        ]
        self.facts.setText("  ·  ".join(fact for fact in facts if fact))
        self.state.setText(self._sentence(edge))
        self.push.setEnabled(edge.active and edge.config_dirty)
        self._show_errors()
        self._paint()
        if edge.config_errors and self._config is None:
            edge_pk = edge.id
            self._page.run(
                lambda: self._page.hub.pushed_config(edge_pk), self._on_config, lambda _error: None
            )

    def on_push(self) -> None:
        """Show what a push will change, and let it be sent."""
        if self.edge is None:
            return
        edge, hub = self.edge, self._page.hub

        def ask() -> tuple[EdgeConfig | None, EdgeConfig]:
            after = hub.edge_config(edge.id)
            try:
                return hub.pushed_config(edge.id), after
            except NotFound:
                return None, after

        self.push.setEnabled(False)
        self._page.run(ask, lambda answer: self._open_push(edge, *answer), self._on_not_pushed)

    def on_health(self) -> None:
        """How the edge does, live."""
        if self.edge is not None:
            dialog = HealthDialog(self._page, self.edge)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.changed.connect(self.changed)
            dialog.open()

    def on_join(self) -> None:
        """Make a join code and show it."""
        if self.edge is not None:
            edge = self.edge
            self._page.run(lambda: self._page.hub.join_code(edge.id), lambda code: self._on_code(edge, code))

    def on_edit(self) -> None:
        """The dialog for this edge."""
        if self.edge is not None:
            dialog = edge_dialog(self._page, self.edge)
            dialog.saved.connect(lambda _edge: self.changed.emit())
            dialog.open()

    def _sentence(self, edge: EdgeView) -> str:
        words = edge_state(edge)[1]
        if not edge.joined or not edge.active:
            return words
        if edge.config_errors:
            return _("The edge refused the last push and still runs version {n}:").format(
                n=edge.applied_version
            )
        if edge.config_dirty:
            return words + " – " + _("push them when the devices, points and rules are as you want them.")
        if edge.online and edge.applied_version == edge.config_version:
            return words + " – " + _("runs everything as shown here.")
        return words

    def _show_errors(self) -> None:
        edge = self.edge
        errors = edge.config_errors if edge is not None else []
        self.errors.setText("\n".join("• " + error_words(error, self._config) for error in errors))
        self.errors.setVisible(bool(errors))
        faults: dict[tuple[str, str], str] = {}
        for error in errors:
            kind, key, _name = error_place(error, self._config)
            before = faults.get((kind, key), "")
            faults[kind, key] = "\n".join(filter(None, (before, error_words(error, self._config, True))))
        self.refused.emit(faults)

    def _on_config(self, config: EdgeConfig) -> None:
        self._config = config
        self._show_errors()

    def _open_push(self, edge: EdgeView, before: EdgeConfig | None, after: EdgeConfig) -> None:
        self.push.setEnabled(edge.active and edge.config_dirty)
        dialog = PushDialog(self._page, edge, before, after)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.pushed.connect(self._on_pushed)
        dialog.answered.connect(lambda _edge: self.changed.emit())
        dialog.open()

    def _on_pushed(self, pushed: ConfigPushed) -> None:
        self._config = None
        words = counts_words(pushed.devices, pushed.points, pushed.rules)
        self._page.shell.toast(
            _("Version {version} pushed: {words}.").format(version=pushed.version, words=words)
        )
        self.changed.emit()

    def _on_not_pushed(self, error: FettleError) -> None:
        self.push.setEnabled(True)
        self._page.shell.toast(explain(error), bad=True)

    def _on_code(self, edge: EdgeView, code: JoinCode) -> None:
        JoinDialog(self._page, edge, code).open()

    def _paint(self) -> None:
        if self.edge is not None:
            soft = theme.css(_SOFT[edge_state(self.edge)[0]])
            self._box.setStyleSheet(f".QFrame {{ background: {soft}; border-radius: 6px; }}")
