"""Pushing to an edge: what it will change there, then what the edge answers, each refusal beside its thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog

from core.errors import FettleError
from core.i18n import _, explain, label, ngettext
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import ConfigPushed, EdgeView
from core.wire.uplink import ConfigError
from desktop import tasks
from desktop.journal_words import number_words
from desktop.lists import listed
from desktop.pages.edge_words import error_place, error_words
from desktop.table_model import Column
from desktop.widgets.basics import BusyLine, EmptyState, button, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table

ANSWER_MS = 700
PATIENCE = 60  # looks at the edge's answer before the dialog says that it is late
_RANK = {"devices": 0, "points": 1, "rules": 2}


@dataclass(frozen=True)
class Difference:
    """One thing that a push changes; `fault` is what the edge says against it."""

    kind: str
    id: str
    name: str
    how: str  # added, changed, removed, kept
    what: str = ""
    fault: str = ""


def kind_words(kind: str) -> str:
    """A device, a point or a rule."""
    return {"devices": _("Device"), "points": _("Point"), "rules": _("Rule"), "": _("Whole")}[kind]


def how_words(how: str) -> str:
    """What happens to a thing."""
    return {"added": _("new"), "changed": _("changed"), "removed": _("taken away"), "kept": _("as before")}[
        how
    ]


def differences(before: EdgeConfig | None, after: EdgeConfig) -> list[Difference]:
    """What an edge would run otherwise after the push."""
    found = []
    for kind in ("devices", "points", "rules"):
        old: Mapping[str, Any] = {one.id: one for one in getattr(before, kind)} if before is not None else {}
        new: Mapping[str, Any] = {one.id: one for one in getattr(after, kind)}
        for key, one in new.items():
            if key not in old:
                found.append(Difference(kind, key, one.name, "added"))
            elif fields := _changed(old[key], one):
                found.append(Difference(kind, key, one.name, "changed", fields))
        found += [Difference(kind, key, old[key].name, "removed") for key in old if key not in new]
    return found


def _changed(old: Any, new: Any) -> str:
    """The fields that differ, with the values where they are short: `limit 80 → 85`."""
    before, after = old.model_dump(), new.model_dump()
    words = []
    for name in after:
        if before.get(name) == after[name] or name == "password":
            continue
        caption = label(f"config.field.{name}")
        caption = name if caption == f"config.field.{name}" else caption
        values = [before.get(name), after[name]]
        if all(isinstance(value, (int, float, str, bool)) for value in values):
            caption += " {} → {}".format(*(_value(value) for value in values))
        words.append(caption)
    return listed(words)


def _value(value: object) -> str:
    return (_("on") if value else _("off")) if isinstance(value, bool) else number_words(value) or "–"


def with_faults(
    found: Sequence[Difference], errors: Sequence[ConfigError], config: EdgeConfig | None
) -> list[Difference]:
    """The same with what the edge said, things that did not change but are refused added."""
    said: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for error in errors:
        kind, key, name = error_place(error, config)
        said.setdefault((kind, key), (name, []))[1].append(
            error_words(error, None if kind else config, bool(kind))
        )
    shown = []
    for one in found:
        _name, words = said.pop((one.kind, one.id), ("", []))
        shown.append(Difference(one.kind, one.id, one.name, one.how, one.what, "; ".join(words)))
    for (kind, key), (name, words) in said.items():
        shown.append(Difference(kind, key, name, "kept", "", "; ".join(words)))
    return shown


def difference_columns() -> Sequence[Column[Difference]]:
    """Differences with what the edge said to them."""

    def colour(one: Difference) -> str:
        return "bad" if one.fault else {"removed": "warn", "added": "good"}.get(one.how, "")

    icons = {"added": "plus-circle-outline", "changed": "pencil-outline", "removed": "minus-circle-outline"}
    return (
        Column(
            "how",
            _("Change"),
            lambda d: how_words(d.how),
            sort=lambda d: (not d.fault, _RANK.get(d.kind, -1), d.how, d.name.casefold()),
            icon=lambda d: "alert-circle" if d.fault else icons.get(d.how, "check"),
            icon_colour=colour,
            colour=colour,
            width=96,
        ),
        Column("kind", _("What"), lambda d: kind_words(d.kind), width=76),
        Column("name", label("word.name"), lambda d: d.name, width=190),
        Column(
            "what",
            _("Details"),
            lambda d: d.fault or d.what,
            colour=lambda d: "bad" if d.fault else "muted",
            tip=lambda d: d.fault or d.what,
            width=320,
            stretch=True,
        ),
    )


class PushDialog(QDialog):
    """`pushed` comes after the push, `answered` when the edge has said what it made of it."""

    pushed = Signal(object)
    answered = Signal(object)

    def __init__(self, page: Page, edge: EdgeView, before: EdgeConfig | None, after: EdgeConfig) -> None:
        super().__init__(page)
        self.setWindowTitle(_("Push to {name}").format(name=edge.name))
        self._page, self.edge, self._after = page, edge, after
        self._found = differences(before, after)
        self._version, self._looks = 0, 0
        self.verdict = text_label(self._summary(before), "heading", wrap=True)
        self.hint = text_label(self._hint(edge), "muted", wrap=True)
        self._busy = BusyLine()
        self.table: Table[Difference] = Table(
            "push_differences",
            _("What changes"),
            difference_columns(),
            lambda one: (one.kind, one.id),
            page.shell.store,
            sort="how",
            empty=EmptyState("check-circle-outline", _("The edge runs all of this already")),
        )
        self.table.set_rows(self._found)
        self.go = button(_("Push to edge"), self.on_push, "upload-network-outline", main=True)
        self.go.setEnabled(bool(self._found) or edge.config_dirty)
        self.shut = button(_("Cancel"), self.reject)
        whole = column(self.verdict, self.hint, self._busy, spacing=6, margins=(16, 14, 16, 14))
        whole.addWidget(self.table, 1)
        whole.addLayout(row(None, self.shut, self.go))
        self.setLayout(whole)
        self.resize(800, 460)
        self._clock = QTimer(self, interval=ANSWER_MS)
        self._clock.timeout.connect(self._look)

    def on_push(self) -> None:
        """Send it, and wait for the answer."""
        self.go.setEnabled(False)
        self._busy.start()
        hub, edge_pk = self._page.hub, self.edge.id
        tasks.run(lambda: hub.push_config(edge_pk), self._on_pushed, self._on_failed, self)

    # ---- inside

    def _summary(self, before: EdgeConfig | None) -> str:
        if before is None:
            words = counts_words(len(self._after.devices), len(self._after.points), len(self._after.rules))
            return _("The first push: {words}.").format(words=words)
        parts = []
        for how, words in (
            ("added", _("{n} new")),
            ("changed", _("{n} changed")),
            ("removed", _("{n} taken away")),
        ):
            n = sum(one.how == how for one in self._found)
            if n:
                parts.append(words.format(n=n))
        return _("This push: {words}.").format(words=listed(parts) or _("no change"))

    def _hint(self, edge: EdgeView) -> str:
        if not edge.online:
            return _("The edge is offline. It takes the push as soon as it is back.")
        return _("Alarms that are active stay so; the edge goes on while it changes over.")

    def _on_pushed(self, pushed: ConfigPushed) -> None:
        self._version = pushed.version
        self.pushed.emit(pushed)
        self.go.hide()
        self.shut.setText(_("Close"))
        if self.edge.online:
            self._say(_("Version {n} is pushed. Waiting for the edge …").format(n=pushed.version), "heading")
            self._clock.start()
        else:
            self._busy.stop()
            self._say(_("Version {n} waits for the edge.").format(n=pushed.version), "heading")

    def _look(self) -> None:
        self._clock.stop()
        hub, edge_pk = self._page.hub, self.edge.id
        tasks.run(
            lambda: next(one for one in hub.edges() if one.id == edge_pk),
            self._on_edge,
            self._on_failed,
            self,
        )

    def _on_edge(self, edge: EdgeView) -> None:
        self._looks += 1
        if edge.applied_version >= self._version:
            self._end(edge, _("Applied: the edge runs version {n}.").format(n=edge.applied_version), "good")
        elif edge.refused_version >= self._version or (edge.config_errors and self._looks > 5):
            self.table.set_rows(with_faults(self._found, edge.config_errors, self._after))
            words = _("Refused: the edge still runs version {n}. Mend what is marked and push again.")
            self._end(edge, words.format(n=edge.applied_version), "bad")
        elif self._looks > PATIENCE:
            self._end(edge, _("The edge has not answered yet; the page tells when it does."), "heading")
        else:
            self._clock.start()

    def _end(self, edge: EdgeView, words: str, role: str) -> None:
        self._busy.stop()
        self.edge = edge
        self._say(words, role)
        self.hint.hide()
        self.answered.emit(edge)

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self.go.setEnabled(True)
        self._say(explain(error), "bad")

    def _say(self, words: str, role: str) -> None:
        self.verdict.setText(words)
        self.verdict.setProperty("role", role)
        self.verdict.style().unpolish(self.verdict)
        self.verdict.style().polish(self.verdict)


def counts_words(devices: int, points: int, rules: int) -> str:
    """`2 devices, 14 points, 6 rules`."""
    words = ngettext("{n} device", "{n} devices", devices).format(n=devices)
    words += ", " + ngettext("{n} point", "{n} points", points).format(n=points)
    return words + ", " + ngettext("{n} rule", "{n} rules", rules).format(n=rules)
