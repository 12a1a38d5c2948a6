"""The dialog for a new ticket; a request id makes a second click harmless."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.i18n import _, label
from core.wire.assets import AssetView
from core.wire.tickets import CreateTicket, TicketView
from desktop import tasks
from desktop.pages.ticket_filter import PRIORITIES, TYPES
from desktop.widgets import inputs
from desktop.widgets.form import FormDialog, request
from desktop.widgets.page import Shell


def ask_new_ticket(shell: Shell, asset_id: int | None = None) -> FormDialog:
    """Open the dialog over the main window."""
    request_id = uuid4().hex
    parent = shell if isinstance(shell, QWidget) else QWidget()

    def save(values: dict[str, Any]) -> TicketView:
        given = {name: value for name, value in values.items() if value not in ("", None)}
        if given.get("reporter_name") == shell.me.name:
            del given["reporter_name"]  # the hub then knows who it was, not only the name
        body = request(CreateTicket, given | {"source": "console", "request_id": request_id})
        return shell.hub.create_ticket(body)

    dialog = FormDialog(parent, _("New ticket"), save, ok=_("Create"), width=560)
    dialog.add("title", _("What is wrong?"), inputs.line(limit=200, placeholder=_("In a few words")))
    assets = inputs.choice([(None, _("no asset"))])
    assets.setEditable(True)
    assets.setInsertPolicy(assets.InsertPolicy.NoInsert)
    typed = assets.lineEdit()
    assert typed is not None  # an editable box has one
    typed.setPlaceholderText(_("Number or a part of the name"))
    dialog.add("asset_id", _("Asset"), assets)
    dialog.add("type", _("Type"), inputs.choice([(t, label(f"ticket.type.{t}")) for t in TYPES], "fault"))
    priorities = [
        (None, _("by criticality of the asset")),
        *((int(p), label(f"ticket.priority.{p}")) for p in PRIORITIES),
    ]
    dialog.add("priority", _("Priority"), inputs.choice(priorities))
    dialog.add("description", _("Description"), inputs.lines(rows=5))
    dialog.add("reporter_name", _("Reporter"), inputs.line(shell.me.name, limit=100))
    dialog.add("reporter_contact", _("Contact"), inputs.line(limit=100, placeholder=_("Telephone or e-mail")))

    def fill(found: list[AssetView]) -> None:
        for asset in found:
            assets.addItem(f"{asset.number}  {asset.name}", asset.id)
        completer = assets.completer()
        if completer is not None:
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCompletionMode(completer.CompletionMode.PopupCompletion)
        if asset_id is not None:
            assets.setCurrentIndex(max(0, assets.findData(asset_id)))
        elif not typed.isModified():
            assets.setEditText("")  # what is typed must not be appended to "no asset"

    def created(ticket: TicketView) -> None:
        shell.toast(_("Ticket {number} created.").format(number=ticket.number))
        shell.open_ticket(ticket.id)

    dialog.saved.connect(created)
    dialog.open()
    tasks.run(shell.hub.assets, fill, None, dialog)
    return dialog
