"""What there is to say about one alarm: its value, what keeps it quiet, and the devices it speaks for."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from core.i18n import _, label, ngettext
from core.wire.tickets import AlarmView
from desktop import times
from desktop.lists import listed
from desktop.pages.alarm_columns import chatters, service_colour, service_facts, value_words
from desktop.widgets.basics import column, row, text_label


class AlarmPane(QFrame):
    """Three short columns under the table; empty when no alarm or several are chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.title = text_label("", "heading", wrap=True, selectable=True)
        self.facts = text_label("", "", wrap=True, selectable=True)
        self.service = text_label("", "heading", wrap=True, selectable=True)
        self.reason = text_label("", "muted", wrap=True, selectable=True)
        self.children_title = text_label("", "heading")
        self.children_list = text_label("", "muted", wrap=True, selectable=True)
        self.children_list.setAlignment(Qt.AlignmentFlag.AlignTop)
        left = column(self.title, self.facts, None, spacing=3)
        middle = column(self.service, self.reason, None, spacing=3)
        self._children = QWidget()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.children_list)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._children.setLayout(column(self.children_title, area, spacing=3))
        whole = row(spacing=24, margins=(14, 8, 14, 8))
        whole.addLayout(left, 4)
        whole.addLayout(middle, 4)
        whole.addWidget(self._children, 4)
        self.setLayout(whole)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 5 + 24)
        self.show_alarm(None)

    def show_alarm(self, alarm: AlarmView | None) -> None:
        """Tell about this one."""
        self.setVisible(alarm is not None)
        if alarm is None:
            return
        self.title.setText(alarm.title)
        facts = [label(f"alarm.state.{alarm.state}")]
        if alarm.value is not None:
            limit = value_words(alarm.limit, alarm.unit)
            value = value_words(alarm.value, alarm.unit)
            facts.append(_("{value}, limit {limit}").format(value=value, limit=limit) if limit else value)
        if alarm.raised_at is not None:
            facts.append(_("raised {at}").format(at=times.exact(alarm.raised_at)))
        if alarm.cleared_at is not None and not alarm.active:
            facts.append(_("cleared {at}").format(at=times.exact(alarm.cleared_at)))
        if alarm.edge is not None:
            facts.append(alarm.edge.name)
        facts.append(ngettext("raised {n} time", "raised {n} times", alarm.count).format(n=alarm.count))
        if alarm.first_out:
            facts.append(_("first of its storm"))
        self.facts.setText("  ·  ".join(facts))
        self._show_service(alarm)
        self._show_children(alarm)

    def _show_service(self, alarm: AlarmView) -> None:
        if alarm.service == "in_service":
            self.service.setText(_("In service"))
            self.reason.setText(_("It raises when its rule says so."))
        elif chatters(alarm):
            self.service.setText(_("Chattering: shelved by itself"))
            words = _("It came and went too often. A longer delay or a deadband in its rule would cure it.")
            self.reason.setText(f"{service_facts(alarm)}. {words}")
        else:
            self.service.setText(label(f"alarm.service.{alarm.service}"))
            self.reason.setText(service_facts(alarm))
        self.service.setProperty("role", "bad" if service_colour(alarm) == "bad" else "heading")
        self.service.style().unpolish(self.service)
        self.service.style().polish(self.service)

    def _show_children(self, alarm: AlarmView) -> None:
        count = max(alarm.children_count, len(alarm.children))
        self._children.setVisible(bool(count))
        self.children_title.setText(
            ngettext("Speaks for {n} device", "Speaks for {n} devices", count).format(n=count)
        )
        more = count - len(alarm.children)
        names = listed(alarm.children) + (" " + _("and {n} others").format(n=more) if more > 0 else "")
        self.children_list.setText(names)
