"""One module per page: lay out, connect, call the hub; compute nothing. Here only the list of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageSpec:
    """A page of the navigation; loaded when it is first shown. `right`: who lacks it does not see the page."""

    key: str
    place: str
    icon: str
    right: str


PAGES = (
    PageSpec("dashboard", "desktop.pages.dashboard:DashboardPage", "view-dashboard-outline", "ticket.read"),
    PageSpec("tickets", "desktop.pages.tickets:TicketsPage", "clipboard-text-outline", "ticket.read"),
    PageSpec("alarms", "desktop.pages.alarms:AlarmsPage", "bell-outline", "alarm.read"),
    PageSpec("assets", "desktop.pages.assets:AssetsPage", "robot-industrial-outline", "asset.read"),
    PageSpec("plans", "desktop.pages.plans:PlansPage", "calendar-sync-outline", "plan.read"),
    PageSpec("parts", "desktop.pages.parts:PartsPage", "package-variant-closed", "part.read"),
    PageSpec("people", "desktop.pages.people:PeoplePage", "account-group-outline", "people.read"),
    PageSpec("edges", "desktop.pages.edges:EdgesPage", "lan-connect", "fleet.read"),
    PageSpec("labels", "desktop.pages.labels:LabelsPage", "qrcode", "label.print"),
    PageSpec("settings", "desktop.pages.settings:SettingsPage", "cog-outline", ""),
)
