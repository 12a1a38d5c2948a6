"""The details of a ticket: description, people, times, links, files, as plain facts."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QFormLayout, QPushButton, QScrollArea, QWidget

from core.errors import FettleError, OutsideError
from core.i18n import _, explain, label
from core.wire.assets import FailureCodeView, FileView
from core.wire.base import Ref
from core.wire.tickets import TicketView
from desktop import tasks, times
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.page import Shell


class FactsTab(QWidget):
    """Two columns: what, and its value; links open what they name."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        self._ticket: TicketView | None = None
        self._code_names: dict[str, str] | None = None  # asked for with the first code to be shown
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(_("Details"))
        self.setLayout(column(self._area))

    def show_ticket(self, ticket: TicketView) -> None:
        """Fill anew."""
        self._ticket = ticket
        inner = QWidget()
        form = QFormLayout(inner)
        form.setContentsMargins(0, 8, 6, 8)
        form.setVerticalSpacing(5)
        form.setHorizontalSpacing(14)
        if ticket.asset is not None:
            asset = ticket.asset
            link = button(
                f"{asset.number} {asset.name}", lambda: self._shell.open_asset(asset.id), icon="open-in-new"
            )
            form.addRow(text_label(_("Asset"), "muted"), row(link, None))
        for words, value in self._facts(ticket):
            if value:
                form.addRow(text_label(words, "muted"), text_label(value, wrap=True, selectable=True))
        for words, ref in ((_("Recurrence of"), ticket.recurrence_of), (_("Part of"), ticket.parent)):
            if ref is not None:
                form.addRow(text_label(words, "muted"), self._link(ref))
        for file in ticket.files:
            if file.kind == "document":
                form.addRow(text_label(_("File"), "muted"), self._file(file))
        self._area.setWidget(inner)

    def _facts(self, ticket: TicketView) -> list[tuple[str, str]]:
        codes = [
            (label("failure.kind.mode"), self._code(ticket.failure_mode)),
            (label("failure.kind.cause"), self._code(ticket.failure_cause)),
            (label("failure.kind.remedy"), self._code(ticket.failure_remedy)),
        ]
        stars = "★" * (ticket.rating or 0)
        plan = f"{ticket.plan.name} · {times.day(ticket.plan_due_on)}" if ticket.plan else ""
        return [
            (_("Description"), ticket.description),
            (_("Resolution"), ticket.resolution),
            (_("Type"), label(f"ticket.type.{ticket.type}")),
            (_("Source"), label(f"ticket.source.{ticket.source}")),
            (
                _("Priority"),
                f"{label(f'ticket.priority.{ticket.priority}')} {ticket.priority_reason}".strip(),
            ),
            (_("Location"), ticket.location_path),
            (_("Reporter"), f"{ticket.reporter_name} {ticket.reporter_contact}".strip()),
            (_("Team"), ticket.team.name if ticket.team else ""),
            (_("Plan"), plan),
            *codes,
            (_("Failed at"), times.exact(ticket.failed_at)),
            (_("Reported"), times.exact(ticket.reported_at)),
            (_("Assigned at"), times.exact(ticket.assigned_at)),
            (_("Accepted at"), times.exact(ticket.acknowledged_at)),
            (_("Started at"), times.exact(ticket.started_at)),
            (_("Resolved at"), times.exact(ticket.resolved_at)),
            (_("Running again at"), times.exact(ticket.restored_at)),
            (_("Closed at"), times.exact(ticket.closed_at)),
            (_("Clock stood still"), times.span(ticket.paused_s) if ticket.paused_s else ""),
            (_("Reopened"), _("{n} times").format(n=ticket.reopen_count) if ticket.reopen_count else ""),
            (_("Urged"), _("{n} times").format(n=ticket.urge_count) if ticket.urge_count else ""),
            (_("Rating"), f"{stars} {ticket.rating_comment}".strip()),
        ]

    def _code(self, code: str) -> str:
        """A failure code with its name, as soon as the names are there."""
        if code and self._code_names is None:
            self._code_names = {}
            tasks.run(self._shell.hub.failure_codes, self._on_codes, None, self)
        return f"{(self._code_names or {}).get(code, '')} {code}".strip()

    def _on_codes(self, found: list[FailureCodeView]) -> None:
        self._code_names = {made.code: made.name for made in found}
        if self._ticket is not None:
            self.show_ticket(self._ticket)

    def _link(self, ref: Ref) -> QPushButton:
        return button(f"{ref.number} {ref.name}".strip(), lambda: self._shell.open_ticket(ref.id))

    def _file(self, file: FileView) -> QPushButton:
        return button(
            f"{file.name} ({file.size / 1024:.0f} KB)", lambda: self._save(file), icon="download-outline"
        )

    def _save(self, file: FileView) -> None:
        name, _kind = QFileDialog.getSaveFileName(self, _("Save as …"), file.name)
        if not name:
            return

        def save() -> str:
            content = self._shell.hub.file(file.id)
            try:
                with open(name, "wb") as out:
                    out.write(content)
            except OSError as error:
                raise OutsideError(
                    "file.cannot_write", str(error), file=name, reason=error.strerror or error
                ) from error
            return name

        def failed(error: FettleError) -> None:
            self._shell.toast(explain(error), bad=True)

        tasks.run(save, lambda at: self._shell.toast(_("Written to {file}.").format(file=at)), failed, self)
