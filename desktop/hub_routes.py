"""Every route of the hub as a typed function; knows paths and shapes, not how a request travels.

`HubClient` in `hub_client` carries them. Nothing here remembers anything.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from core.wire import assets as asset_wire
from core.wire import parts as part_wire
from core.wire import people as person_wire
from core.wire import plans as plan_wire
from core.wire import tickets as ticket_wire
from core.wire.alarms import ShelveAlarm, TakeOutOfService
from core.wire.base import Page, Request
from core.wire.journal import Dashboard, JournalEntry

T = TypeVar("T")


class Transport(ABC):
    """What the routes stand on; the client fills it in."""

    @abstractmethod
    def read(self, kind: type[T], method: str, path: str, body: Request | None = None, **query: Any) -> T:
        """Ask for JSON and check it against `kind`; raises AppError or OutsideError."""

    @abstractmethod
    def read_slowly(self, kind: type[T], method: str, path: str, body: Request, wait_s: float) -> T:
        """The same for what may take long, such as an order that an edge carries out."""

    @abstractmethod
    def do(self, method: str, path: str, body: Request | None = None) -> None:
        """Ask for something that has no answer."""

    @abstractmethod
    def fetch(
        self, method: str, path: str, body: Request | None = None, **query: Any
    ) -> tuple[bytes, Mapping[str, str]]:
        """Ask for bytes; gives the content and the headers."""

    @abstractmethod
    def upload(self, answer: type[T], path: str, name: str, content: bytes, **form: str) -> T:
        """Send a file as multipart."""


class TicketRoutes(Transport):
    """Tickets and alarms."""

    def tickets(self, **query: Any) -> Page[ticket_wire.TicketRowView]:
        return self.read(Page[ticket_wire.TicketRowView], "GET", "/tickets", **query)

    def ticket_ids(self, **query: Any) -> tuple[array[int], int]:
        """All ids of a filter in its order, and the journal cursor of that moment."""
        content, headers = self.fetch("GET", "/tickets/ids", **query)
        return little_endian_ids(content), int(headers.get("x-cursor", "0"))

    def ticket_rows(self, ids: Sequence[int]) -> list[ticket_wire.TicketRowView]:
        """Rows for up to 500 ids; those that are gone or hidden are left out."""
        return self.read(list[ticket_wire.TicketRowView], "POST", "/tickets/rows", RowsOf(ids=list(ids)))

    def create_ticket(self, body: ticket_wire.CreateTicket) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", "/tickets", body)

    def ticket(self, ticket_id: int) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "GET", f"/tickets/{ticket_id}")

    def edit_ticket(self, ticket_id: int, body: ticket_wire.EditTicket) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "PATCH", f"/tickets/{ticket_id}", body)

    def move_ticket(self, ticket_id: int, body: ticket_wire.MoveTicket) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", f"/tickets/{ticket_id}/moves", body)

    def assign_ticket(self, ticket_id: int, body: ticket_wire.AssignTicket) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", f"/tickets/{ticket_id}/assign", body)

    def candidates(self, ticket_id: int) -> list[ticket_wire.Candidate]:
        return self.read(list[ticket_wire.Candidate], "GET", f"/tickets/{ticket_id}/candidates")

    def timeline(self, ticket_id: int) -> list[ticket_wire.TimelineEntry]:
        return self.read(list[ticket_wire.TimelineEntry], "GET", f"/tickets/{ticket_id}/timeline")

    def add_note(self, ticket_id: int, body: ticket_wire.AddNote) -> ticket_wire.TimelineEntry:
        return self.read(ticket_wire.TimelineEntry, "POST", f"/tickets/{ticket_id}/notes", body)

    def charts(self, ticket_id: int) -> list[ticket_wire.ChartView]:
        return self.read(list[ticket_wire.ChartView], "GET", f"/tickets/{ticket_id}/charts")

    def chart_csv(self, ticket_id: int, occurrence: str) -> bytes:
        return self.fetch("GET", f"/tickets/{ticket_id}/charts/{occurrence}.csv")[0]

    def answer_step(self, ticket_id: int, key: str, body: ticket_wire.AnswerStep) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "PUT", f"/tickets/{ticket_id}/steps/{key}", body)

    def add_labour(self, ticket_id: int, body: ticket_wire.AddLabour) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", f"/tickets/{ticket_id}/labour", body)

    def use_parts(self, ticket_id: int, body: ticket_wire.UseParts) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", f"/tickets/{ticket_id}/parts", body)

    def add_ticket_file(self, ticket_id: int, name: str, content: bytes, kind: str) -> asset_wire.FileView:
        return self.upload(asset_wire.FileView, f"/tickets/{ticket_id}/files", name, content, kind=kind)

    def urge(self, ticket_id: int) -> ticket_wire.TicketView:
        return self.read(ticket_wire.TicketView, "POST", f"/tickets/{ticket_id}/urge")

    def alarms(self, active: bool | None = None) -> list[ticket_wire.AlarmView]:
        return self.read(list[ticket_wire.AlarmView], "GET", "/alarms", active=active)

    def alarm(self, alarm_id: int) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "GET", f"/alarms/{alarm_id}")

    def ack_alarm(self, alarm_id: int) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/ack")

    def shelve_alarm(self, alarm_id: int, body: ShelveAlarm) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/shelve", body)

    def unshelve_alarm(self, alarm_id: int) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/unshelve")

    def take_alarm_out(self, alarm_id: int, body: TakeOutOfService) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/out-of-service", body)

    def put_alarm_back(self, alarm_id: int) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/in-service")

    def reset_alarm(self, alarm_id: int) -> ticket_wire.AlarmView:
        return self.read(ticket_wire.AlarmView, "POST", f"/alarms/{alarm_id}/reset")


class AssetRoutes(Transport):
    """Assets, locations, failure codes, labels, plans."""

    def assets(self, retired: bool = False) -> list[asset_wire.AssetView]:
        return self.read(list[asset_wire.AssetView], "GET", "/assets", retired=retired)

    def create_asset(self, body: asset_wire.SaveAsset) -> asset_wire.AssetView:
        return self.read(asset_wire.AssetView, "POST", "/assets", body)

    def asset(self, asset_id: int) -> asset_wire.AssetView:
        return self.read(asset_wire.AssetView, "GET", f"/assets/{asset_id}")

    def save_asset(self, asset_id: int, body: asset_wire.SaveAsset) -> asset_wire.AssetView:
        return self.read(asset_wire.AssetView, "PUT", f"/assets/{asset_id}", body)

    def asset_points(self, asset_id: int) -> list[asset_wire.PointValue]:
        return self.read(list[asset_wire.PointValue], "GET", f"/assets/{asset_id}/points")

    def asset_tickets(self, asset_id: int) -> list[ticket_wire.TicketRowView]:
        return self.read(list[ticket_wire.TicketRowView], "GET", f"/assets/{asset_id}/tickets")

    def add_asset_file(self, asset_id: int, name: str, content: bytes, kind: str) -> asset_wire.FileView:
        return self.upload(asset_wire.FileView, f"/assets/{asset_id}/files", name, content, kind=kind)

    def locations(self) -> list[asset_wire.LocationView]:
        return self.read(list[asset_wire.LocationView], "GET", "/locations")

    def create_location(self, body: asset_wire.SaveLocation) -> asset_wire.LocationView:
        return self.read(asset_wire.LocationView, "POST", "/locations", body)

    def save_location(self, location_id: int, body: asset_wire.SaveLocation) -> asset_wire.LocationView:
        return self.read(asset_wire.LocationView, "PUT", f"/locations/{location_id}", body)

    def delete_location(self, location_id: int) -> None:
        self.do("DELETE", f"/locations/{location_id}")

    def failure_codes(self, category: str | None = None) -> list[asset_wire.FailureCodeView]:
        return self.read(list[asset_wire.FailureCodeView], "GET", "/failure-codes", category=category)

    def save_failure_code(self, body: asset_wire.SaveFailureCode) -> asset_wire.FailureCodeView:
        return self.read(asset_wire.FailureCodeView, "POST", "/failure-codes", body)

    def label_presets(self) -> list[asset_wire.LabelPreset]:
        return self.read(list[asset_wire.LabelPreset], "GET", "/labels/presets")

    def labels_pdf(self, body: asset_wire.PrintLabels) -> bytes:
        return self.fetch("POST", "/labels/pdf", body)[0]

    def asset_labels(self, asset_id: int) -> list[asset_wire.LabelView]:
        return self.read(list[asset_wire.LabelView], "GET", f"/assets/{asset_id}/labels")

    def revoke_label(self, label_id: int) -> asset_wire.LabelView:
        return self.read(asset_wire.LabelView, "POST", f"/labels/{label_id}/revoke")

    def plans(self) -> list[plan_wire.PlanView]:
        return self.read(list[plan_wire.PlanView], "GET", "/plans")

    def create_plan(self, body: plan_wire.SavePlan) -> plan_wire.PlanView:
        return self.read(plan_wire.PlanView, "POST", "/plans", body)

    def plan(self, plan_id: int) -> plan_wire.PlanView:
        return self.read(plan_wire.PlanView, "GET", f"/plans/{plan_id}")

    def save_plan(self, plan_id: int, body: plan_wire.SavePlan) -> plan_wire.PlanView:
        return self.read(plan_wire.PlanView, "PUT", f"/plans/{plan_id}", body)

    def plans_due(self, days: int = 30) -> list[plan_wire.Due]:
        return self.read(list[plan_wire.Due], "GET", "/plans/due", days=days)

    def run_plans(self) -> list[int]:
        """Make the tickets that are due now; gives their ids."""
        return self.read(dict[str, list[int]], "POST", "/plans/run")["created"]


class PartRoutes(Transport):
    """Spare parts, stock, purchase requests."""

    def parts(self) -> list[part_wire.PartView]:
        return self.read(list[part_wire.PartView], "GET", "/parts")

    def create_part(self, body: part_wire.SavePart) -> part_wire.PartView:
        return self.read(part_wire.PartView, "POST", "/parts", body)

    def part(self, part_id: int) -> part_wire.PartView:
        return self.read(part_wire.PartView, "GET", f"/parts/{part_id}")

    def save_part(self, part_id: int, body: part_wire.SavePart) -> part_wire.PartView:
        return self.read(part_wire.PartView, "PUT", f"/parts/{part_id}", body)

    def stock_moves(self, part_id: int) -> list[part_wire.StockMoveView]:
        return self.read(list[part_wire.StockMoveView], "GET", f"/parts/{part_id}/moves")

    def move_stock(self, part_id: int, body: part_wire.MoveStock) -> part_wire.PartView:
        return self.read(part_wire.PartView, "POST", f"/parts/{part_id}/moves", body)

    def purchase_requests(self, state: str | None = None) -> list[part_wire.PurchaseRequestView]:
        return self.read(list[part_wire.PurchaseRequestView], "GET", "/purchase-requests", state=state)

    def request_purchase(self, body: part_wire.RequestPurchase) -> part_wire.PurchaseRequestView:
        return self.read(part_wire.PurchaseRequestView, "POST", "/purchase-requests", body)

    def move_purchase(self, request_id: int, body: part_wire.MovePurchase) -> part_wire.PurchaseRequestView:
        return self.read(
            part_wire.PurchaseRequestView, "POST", f"/purchase-requests/{request_id}/moves", body
        )


class PeopleRoutes(Transport):
    """Set-up, log-in, people, teams, shifts."""

    def setup_state(self) -> person_wire.SetupState:
        return self.read(person_wire.SetupState, "GET", "/setup")

    def set_up(self, body: person_wire.SetUp) -> person_wire.LoggedIn:
        return self.read(person_wire.LoggedIn, "POST", "/setup", body)

    def plant(self) -> person_wire.PlantView:
        return self.read(person_wire.PlantView, "GET", "/plant")

    def save_plant(self, body: person_wire.SavePlant) -> person_wire.PlantView:
        return self.read(person_wire.PlantView, "PUT", "/plant", body)

    def log_in(self, body: person_wire.LogIn) -> person_wire.LoggedIn:
        return self.read(person_wire.LoggedIn, "POST", "/login", body)

    def log_out(self) -> None:
        self.do("POST", "/logout")

    def who_am_i(self) -> person_wire.Me:
        return self.read(person_wire.Me, "GET", "/me")

    def change_password(self, body: person_wire.ChangePassword) -> None:
        self.do("POST", "/me/password", body)

    def sessions(self) -> list[person_wire.SessionView]:
        return self.read(list[person_wire.SessionView], "GET", "/me/sessions")

    def end_session(self, session_id: int) -> None:
        self.do("DELETE", f"/me/sessions/{session_id}")

    def people(self) -> list[person_wire.PersonView]:
        return self.read(list[person_wire.PersonView], "GET", "/people")

    def create_person(self, body: person_wire.SavePerson) -> person_wire.PersonView:
        return self.read(person_wire.PersonView, "POST", "/people", body)

    def save_person(self, person_id: int, body: person_wire.SavePerson) -> person_wire.PersonView:
        return self.read(person_wire.PersonView, "PUT", f"/people/{person_id}", body)

    def add_absence(self, person_id: int, body: person_wire.AddAbsence) -> person_wire.AbsenceView:
        return self.read(person_wire.AbsenceView, "POST", f"/people/{person_id}/absences", body)

    def absences(self) -> list[person_wire.AbsenceView]:
        return self.read(list[person_wire.AbsenceView], "GET", "/absences")

    def delete_absence(self, absence_id: int) -> None:
        self.do("DELETE", f"/absences/{absence_id}")

    def teams(self) -> list[person_wire.TeamView]:
        return self.read(list[person_wire.TeamView], "GET", "/teams")

    def create_team(self, body: person_wire.SaveTeam) -> person_wire.TeamView:
        return self.read(person_wire.TeamView, "POST", "/teams", body)

    def save_team(self, team_id: int, body: person_wire.SaveTeam) -> person_wire.TeamView:
        return self.read(person_wire.TeamView, "PUT", f"/teams/{team_id}", body)

    def shifts(self) -> list[person_wire.ShiftView]:
        return self.read(list[person_wire.ShiftView], "GET", "/shifts")

    def create_shift(self, body: person_wire.SaveShift) -> person_wire.ShiftView:
        return self.read(person_wire.ShiftView, "POST", "/shifts", body)

    def save_shift(self, shift_id: int, body: person_wire.SaveShift) -> person_wire.ShiftView:
        return self.read(person_wire.ShiftView, "PUT", f"/shifts/{shift_id}", body)


class JournalRoutes(Transport):
    """The journal, the figures of the first page, files."""

    def journal(self, after: int, limit: int = 500) -> list[JournalEntry]:
        return self.read(list[JournalEntry], "GET", "/journal", after=after, limit=limit)

    def journal_head(self) -> int:
        """The cursor of this moment (of a filter that finds nothing, so that it costs nothing)."""
        return int(self.fetch("GET", "/tickets/ids", assignee_id=0)[1].get("x-cursor", "0"))

    def dashboard(self) -> Dashboard:
        return self.read(Dashboard, "GET", "/dashboard")

    def file(self, attachment_id: int, thumb: bool = False) -> bytes:
        return self.fetch("GET", f"/files/{attachment_id}", size="thumb" if thumb else None)[0]


class RowsOf(Request):
    """Body of POST /tickets/rows."""

    ids: list[int]


def little_endian_ids(content: bytes) -> array[int]:
    """The ids of a binary list, eight bytes each."""
    ids = array("q")
    ids.frombytes(content)
    if sys.byteorder == "big":
        ids.byteswap()
    return ids
