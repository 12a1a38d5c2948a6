"""The small dialogs of a ticket: what a move needs, who it is given to, edits, labour, parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.errors import FettleError
from core.i18n import _, explain, label
from core.wire.assets import FailureCodeView
from core.wire.parts import PartView
from core.wire.people import TeamView
from core.wire.tickets import (
    AddLabour,
    AllowedMove,
    AssignTicket,
    Candidate,
    EditTicket,
    MoveTicket,
    TicketView,
    UseParts,
)
from desktop import tasks, times
from desktop.lists import listed
from desktop.table_model import Column
from desktop.widgets import inputs
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import quantity
from desktop.widgets.page import Shell
from desktop.widgets.table import Table

HOLDS = ("waiting_parts", "waiting_stop", "waiting_vendor", "waiting_reporter")
Done = Callable[[TicketView], None]


def ask_move(parent: QWidget, shell: Shell, ticket: TicketView, move: AllowedMove, done: Done) -> None:
    """Ask for what the move needs, then take it."""
    title = f"{label(f'ticket.move.{move.move}')} · {ticket.number}"

    def save(values: dict[str, Any]) -> TicketView:
        given = {name: value for name, value in values.items() if value not in ("", None, 0, False)}
        body = request(MoveTicket, {"move": move.move, "version": ticket.version} | given)
        return shell.hub.move_ticket(ticket.id, body)

    dialog = FormDialog(parent, title, save, ok=label(f"ticket.move.{move.move}"))
    if move.blocked:
        dialog.form.add_text("\n".join(label(f"guard.{code}") for code in move.blocked), "bad")
        dialog.add("override", "", inputs.tick(_("Do it nevertheless")))
    if "hold_reason" in move.needs:
        dialog.add(
            "hold_reason",
            _("Waiting for"),
            inputs.choice([(code, label(f"ticket.hold.{code}")) for code in HOLDS]),
            _("The clock stands still while it waits for parts, a stop of the machine, or the reporter."),
        )
    if "resolution" in move.needs or move.move == "resolve":
        dialog.add(
            "resolution",
            _("What was done"),
            inputs.lines(ticket.resolution, 4, _("Cause and remedy in a sentence or two")),
        )
    if move.move == "resolve":
        for kind in ("mode", "cause", "remedy"):
            box = inputs.choice([("", "–")], "")
            dialog.add(f"failure_{kind}", label(f"failure.kind.{kind}"), box)
        _fill_codes(shell, dialog, ticket)
        dialog.add(
            "labour_min", _("Time worked"), inputs.number(0, 0, 100_000, _(" min")), _("0 when already noted")
        )
    if "reason" in move.needs or move.blocked:
        dialog.add("reason", _("Reason"), inputs.lines(rows=2))
    elif move.move == "hold":
        dialog.add("reason", _("Remark"), inputs.line())
    dialog.saved.connect(done)
    dialog.open()


def _fill_codes(shell: Shell, dialog: FormDialog, ticket: TicketView) -> None:
    def done(codes: list[FailureCodeView]) -> None:
        for kind in ("mode", "cause", "remedy"):
            box = dialog.form.fields[f"failure_{kind}"]
            fitting = [code for code in codes if code.kind == kind]
            assert hasattr(box, "addItem")
            for code in fitting:
                box.addItem(f"{code.code}  {code.name}", code.code)
            now = getattr(ticket, f"failure_{kind}")
            at = box.findData(now) if hasattr(box, "findData") else -1
            if at >= 0 and hasattr(box, "setCurrentIndex"):
                box.setCurrentIndex(at)
            dialog.form.show_field(f"failure_{kind}", bool(fitting))
        dialog.fit()

    def ask() -> list[FailureCodeView]:
        category = shell.hub.asset(ticket.asset.id).category if ticket.asset is not None else ""
        return [code for code in shell.hub.failure_codes() if code.category in ("", category)]

    for kind in ("mode", "cause", "remedy"):
        dialog.form.show_field(f"failure_{kind}", False)
    tasks.run(ask, done, None, dialog)


class AssignDialog(FormDialog):
    """Candidates with why they fit or not; or a team; or by rule."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget, shell: Shell, ticket: TicketView, done: Done) -> None:
        self._shell = shell
        self._ticket = ticket

        super().__init__(
            parent, _("Assign {number}").format(number=ticket.number), self._send, ok=_("Assign"), width=720
        )
        self.form.add_text(ticket.title, "heading")
        self._table: Table[Candidate] = Table(
            "candidates",
            _("People"),
            [
                Column(
                    "name",
                    _("Name"),
                    lambda c: c.person.name,
                    icon=lambda c: "account-check-outline" if c.fits else "account-off-outline",
                    icon_colour=lambda c: "good" if c.fits else "faint",
                    colour=lambda c: "" if c.fits else "muted",
                    width=130,
                ),
                Column(
                    "shift", _("On shift"), lambda c: "✓" if c.on_shift else "–", align="middle", width=70
                ),
                Column(
                    "open",
                    _("Open tickets"),
                    lambda c: str(c.open_tickets),
                    lambda c: c.open_tickets,
                    "right",
                    width=90,
                ),
                Column("score", _("Score"), lambda c: f"{c.score:.0f}", lambda c: c.score, "right", width=70),
                Column("why", _("Why"), why_words, tip=why_words, width=240),
            ],
            key=lambda c: c.person.id,
        )
        self._table.setMinimumHeight(220)
        self._table.opened.connect(lambda _row: self.submit())
        self.form.add_row(self._table)
        self._team = inputs.choice([(None, _("a person from the list"))])
        self.add("team_id", _("Give to"), self._team)
        self.add("reason", _("Remark"), inputs.line())
        self.saved.connect(done)
        tasks.run(
            lambda: (shell.hub.candidates(ticket.id), shell.hub.teams()),
            self._on_found,
            self._on_no_list,
            self,
        )

    def _on_found(self, found: tuple[list[Candidate], list[TeamView]]) -> None:
        candidates, teams = found
        self._table.set_rows(sorted(candidates, key=lambda c: (not c.fits, -c.score, c.person.name)))
        self._table.view.selectRow(0)
        self._table.view.setFocus()
        for team in teams:
            if team.active:
                self._team.addItem(
                    _("team {name}, who is first takes it").format(name=team.name), ("team", team.id)
                )
        self._team.addItem(_("whom the rule chooses"), ("rule", 0))

    def _on_no_list(self, error: FettleError) -> None:
        self.form.add_text(explain(error), "bad")

    def _send(self, values: dict[str, Any]) -> TicketView:
        kind, number = values["team_id"] or ("person", 0)
        body: dict[str, Any] = {"reason": values["reason"]}
        if kind == "team":
            body["team_id"] = number
        elif kind == "person":
            body["person_id"] = values["person_id"]
        return self._shell.hub.assign_ticket(self._ticket.id, request(AssignTicket, body))

    def submit(self) -> None:
        # The table belongs to the GUI thread: what is selected is read here, not in the worker.
        current = self._table.current()
        whom = None if current is None else current.person.id
        send = self._save
        self._save = lambda values: send(values | {"person_id": whom})
        super().submit()
        self._save = send


def why_words(candidate: Candidate) -> str:
    """Why somebody fits, or what keeps them from it, in words."""
    good: list[str] = []
    bad: list[str] = []
    for key in ("in_team", "technician", "on_shift"):
        name = label(f"dispatch.why.{key}")
        (good if candidate.why.get(key) else bad).append(name)
    if candidate.fits:
        last = str(candidate.why.get("last_assigned_at") or "")
        if last:
            good.append(_("last assigned {at}").format(at=times.moment(datetime.fromisoformat(last))))
        return listed(good)
    return _("not: {what}").format(what=listed(bad)) if bad else _("does not fit")


def edit_ticket(parent: QWidget, shell: Shell, ticket: TicketView, done: Done) -> None:
    """Title, description, type, priority, reporter; only what was changed is sent."""
    from desktop.pages.ticket_filter import PRIORITIES, TYPES

    before: dict[str, Any] = {
        "title": ticket.title,
        "description": ticket.description,
        "type": ticket.type,
        "priority": ticket.priority,
        "priority_reason": ticket.priority_reason,
        "reporter_name": ticket.reporter_name,
        "reporter_contact": ticket.reporter_contact,
    }

    def save(values: dict[str, Any]) -> TicketView:
        changed = {name: value for name, value in values.items() if value != before[name]}
        return shell.hub.edit_ticket(ticket.id, request(EditTicket, {"version": ticket.version} | changed))

    dialog = FormDialog(parent, _("Edit {number}").format(number=ticket.number), save, width=560)
    dialog.add("title", _("Title"), inputs.line(ticket.title, limit=200))
    dialog.add("description", _("Description"), inputs.lines(ticket.description, 6))
    dialog.add("type", _("Type"), inputs.choice([(t, label(f"ticket.type.{t}")) for t in TYPES], ticket.type))
    priorities = [(int(p), label(f"ticket.priority.{p}")) for p in PRIORITIES]
    dialog.add("priority", _("Priority"), inputs.choice(priorities, ticket.priority))
    dialog.add("priority_reason", _("Reason of the priority"), inputs.line(ticket.priority_reason, limit=200))
    dialog.add("reporter_name", _("Reporter"), inputs.line(ticket.reporter_name, limit=100))
    dialog.add("reporter_contact", _("Contact"), inputs.line(ticket.reporter_contact, limit=100))

    def saved(after: TicketView) -> None:
        done(after)
        changed = {name: before[name] for name in before if getattr(after, name) != before[name]}
        if not changed:
            return

        def undo() -> None:
            body = request(EditTicket, {"version": after.version} | changed)
            tasks.run(
                lambda: shell.hub.edit_ticket(ticket.id, body),
                done,
                lambda error: shell.toast(explain(error), bad=True),
                parent,
            )

        shell.toast(_("{number} changed.").format(number=ticket.number), undo=undo)

    dialog.saved.connect(saved)
    dialog.open()


def add_labour(parent: QWidget, shell: Shell, ticket: TicketView, done: Done) -> None:
    """Minutes worked by oneself."""

    def save(values: dict[str, Any]) -> TicketView:
        return shell.hub.add_labour(ticket.id, request(AddLabour, values))

    dialog = FormDialog(parent, _("Time worked on {number}").format(number=ticket.number), save)
    dialog.add("minutes", _("Time worked"), inputs.number(30, 1, 100_000, _(" min")))
    dialog.add("note", _("Remark"), inputs.line(limit=200))
    dialog.saved.connect(done)
    dialog.open()


def use_part(
    parent: QWidget,
    shell: Shell,
    ticket: TicketView,
    do: str,
    done: Done,
    parts: Sequence[tuple[int, str, Decimal]] = (),
) -> None:
    """Reserve, issue, give back or release one part; without `parts` all of the store are offered."""
    words = {
        "reserve": _("Reserve a part"),
        "issue": _("Issue a part"),
        "return": _("Give a part back"),
        "release": _("Release a reservation"),
    }[do]

    def save(values: dict[str, Any]) -> TicketView:
        body = request(UseParts, values | {"do": do, "qty": Decimal(str(values["qty"]))})
        return shell.hub.use_parts(ticket.id, body)

    dialog = FormDialog(parent, f"{words} · {ticket.number}", save, ok=words)
    box = inputs.choice([(part_id, name) for part_id, name, _qty in parts])
    dialog.add("part_id", _("Part"), box)
    amount = float(parts[0][2]) if parts else 1.0
    dialog.add("qty", _("Quantity"), inputs.decimal(max(amount, 0.001), 0.001, 1e6))
    dialog.add("note", _("Remark"), inputs.line(limit=200))
    dialog.saved.connect(done)
    dialog.open()
    if not parts:

        def fill(found: list[PartView]) -> None:
            for part in found:
                if part.active:
                    there = quantity(part.available, part.unit)
                    box.addItem(f"{part.number}  {part.name} · {part.bin} · {there}", part.id)
            box.setEditable(True)
            box.setInsertPolicy(box.InsertPolicy.NoInsert)

        tasks.run(shell.hub.parts, fill, None, dialog)
