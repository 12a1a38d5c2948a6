"""The alarms page at a real hub: what is kept quiet, by whom and why; views; what can be done when no edge listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from core import i18n
from core.wire.tickets import AlarmView
from core.wire.uplink import AlarmRaised, ServiceChanged
from desktop.main_window import MainWindow
from desktop.pages.alarm_columns import alarm_columns, service_facts, service_words
from desktop.pages.alarm_pane import AlarmPane
from desktop.pages.alarm_service import OutOfServiceDialog, ShelveDialog
from desktop.pages.alarms import VIEWS, AlarmsPage, belongs, empty_words, view_words
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> AlarmsPage:
    found = cast(AlarmsPage, window.open_page("alarms"))
    until(lambda: found.count.text() != "")
    return found


def alarm(**changes: Any) -> AlarmView:
    values: dict[str, Any] = {
        "id": 1, "title": "Bearing too hot", "severity": "major", "state": "unack", "active": True, "asset": None,
        "asset_number": "A-00001", "edge": None, "value": 92.5, "limit": 85.0, "unit": "°C",
        "raised_at": datetime.now(UTC), "cleared_at": None, "acked_at": None, "acked_by": "", "count": 1,
        "first_out": False, "ticket": None,
    }  # fmt: skip
    return AlarmView.model_validate(values | changes)


def serve(plant: Plant, rule: str, service: str, **facts: Any) -> None:
    number = plant.client.assets()[3].number
    body = ServiceChanged(
        rule=rule, rule_name="Bearing too hot", asset=number, service=service, changed_at=datetime.now(UTC), **facts
    )  # fmt: skip
    plant.send(body)


def test_who_keeps_an_alarm_quiet_is_seen_and_each_view_has_its_own(
    page: AlarmsPage, plant: Plant, until: Until
) -> None:
    plant.raise_alarm(3, rule="quiet-1")
    until(lambda: any(one.active for one in page.table.rows()))
    mine = next(
        one for one in plant.client.alarms(True) if one.asset_number == plant.client.assets()[3].number
    )
    end = datetime.now(UTC) + timedelta(minutes=30)
    serve(plant, "quiet-1", "shelved", by="Ada", reason="Sensor is being replaced", until=end)
    until(lambda: mine.id not in [one.id for one in page.table.rows()])
    until(lambda: page.views["shelved"].text().endswith("1"))
    page.views["shelved"].click()
    until(lambda: mine.id in [one.id for one in page.table.rows()])
    page.table.select(mine.id)
    assert page.pane.isVisible() and "Sensor is being replaced" in page.pane.reason.text()
    assert page.unshelve_button.isVisible() and not page.back_button.isVisible()
    serve(plant, "quiet-1", "shelved", why="chatter", raises=5, until=end)
    until(lambda: "Chattering" in page.pane.service.text())
    serve(plant, "quiet-1", "out_of_service", by="Ada", reason="Overhaul")
    page.views["out_of_service"].click()
    until(lambda: mine.id in [one.id for one in page.table.rows()])
    page.table.select(mine.id)
    assert page.back_button.isVisible() and not page.shelve_button.isEnabled()
    serve(plant, "quiet-1", "in_service")
    page.views["active"].click()
    until(lambda: mine.id in [one.id for one in page.table.rows()])


def test_a_gateway_names_the_devices_it_speaks_for(page: AlarmsPage, plant: Plant, until: Until) -> None:
    number = plant.client.assets()[4].number
    now = datetime.now(UTC)
    raised = AlarmRaised(
        occurrence=uuid4().hex, rule="gateway", rule_name="Gateway is silent", asset=number, device="1",
        raised_at=now, children=["Press 1", "Press 2"], children_count=40,
    )  # fmt: skip
    plant.send(raised, at=now)
    until(lambda: any(one.title == "Gateway is silent" for one in page.table.rows()))
    mine = next(one for one in page.table.rows() if one.title == "Gateway is silent")
    page.table.select(mine.id)
    assert page.pane.children_title.text() == "Speaks for 40 devices"
    assert page.pane.children_list.text() == "Press 1, Press 2 and 38 others"


def test_without_the_edge_nothing_is_shelved_and_the_reason_is_said(
    page: AlarmsPage, plant: Plant, until: Until
) -> None:
    plant.raise_alarm(5, rule="quiet-2")
    number = plant.client.assets()[5].number
    until(lambda: any(one.asset_number == number for one in page.table.rows()))
    mine = next(one for one in page.table.rows() if one.asset_number == number)
    page.table.select(mine.id)
    page.shelve()
    until(lambda: page.findChildren(ShelveDialog))
    dialog = page.findChildren(ShelveDialog)[-1]
    dialog.submit()
    until(lambda: dialog.form.fields["reason"].property("bad"))
    dialog.span.choose(240)
    assert dialog.span.field_value() == 240 and dialog.span.own.isVisible()
    dialog.span.choose(15)
    dialog.form.fields["reason"].setText("Sensor")  # type: ignore[attr-defined]  # a line
    dialog.submit()
    until(lambda: "is not connected" in dialog._trouble.text())
    assert plant.client.alarm(mine.id).service == "in_service"
    dialog.reject()
    page.take_out()
    until(lambda: page.findChildren(OutOfServiceDialog))
    page.findChildren(OutOfServiceDialog)[-1].reject()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_state_of_service_is_said(page: AlarmsPage, language: str) -> None:
    i18n.use(language)
    now = datetime.now(UTC)
    pane = AlarmPane()
    for service in ("in_service", "shelved", "suppressed", "out_of_service"):
        for why in ("operator", "chatter", "design", "parent", "schedule"):
            one = alarm(
                service=service, service_why=why, service_by="Ada", service_reason="x",
                service_until=now + timedelta(minutes=20),
            )  # fmt: skip
            words = service_words(one, now) + service_facts(one)
            assert "alarm." not in words and "{" not in words
            assert bool(words) == (service != "in_service")
            assert sum(belongs(one, view) for view in VIEWS) == 2  # its own view, and all
            pane.show_alarm(one)
            assert pane.service.text() and all(column.text(one) is not None for column in alarm_columns())
    assert not belongs(alarm(state="normal", active=False), "active")
    assert all(view_words(view) and empty_words(view)[0] for view in VIEWS)
    pane.deleteLater()
