"""All rows; the order is that of creation."""

from core.storage.tables.assets import AssetRow, FailureCodeRow, FileRow, LabelRow, LocationRow
from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow
from core.storage.tables.fleet import (
    DeadLetterRow,
    DeviceRow,
    EdgeConfigRow,
    EdgeRow,
    EpochRow,
    JoinCodeRow,
    PointRow,
    RuleRow,
    UplinkEventRow,
)
from core.storage.tables.journal import JobRunRow, JournalRow, MetaRow, NoticeRow
from core.storage.tables.parts import BinRow, PartRow, PurchaseRequestRow, ReservationRow, StockMoveRow
from core.storage.tables.people import (
    AbsenceRow,
    LoginFailureRow,
    PersonRow,
    SessionRow,
    ShiftMemberRow,
    ShiftRow,
    TeamMemberRow,
    TeamRow,
)
from core.storage.tables.plans import PlanAssetRow, PlanRow
from core.storage.tables.tickets import (
    AlarmRow,
    AttachmentRow,
    CounterRow,
    LabourRow,
    OccurrenceRow,
    TicketRow,
)

ALL: tuple[type[Row], ...] = (
    PersonRow, TeamRow, TeamMemberRow, ShiftRow, ShiftMemberRow, AbsenceRow, SessionRow, LoginFailureRow,
    LocationRow, AssetRow, LabelRow, FileRow, FailureCodeRow,
    EdgeRow, JoinCodeRow, EdgeConfigRow, DeviceRow, PointRow, RuleRow, EpochRow, UplinkEventRow, DeadLetterRow,
    CounterRow, TicketRow, AlarmRow, OccurrenceRow, AttachmentRow, LabourRow,
    BinRow, PartRow, PurchaseRequestRow, StockMoveRow, ReservationRow,
    PlanRow, PlanAssetRow,
    JournalRow, NoticeRow, JobRunRow, MetaRow,
)

__all__ = [
    "ALL", "AbsenceRow", "AlarmRow", "AssetRow", "AttachmentRow", "BinRow", "CounterRow", "DeadLetterRow",
    "DeviceRow", "EdgeConfigRow", "EdgeRow", "EpochRow", "FailureCodeRow", "FileRow", "JobRunRow",
    "JoinCodeRow", "JournalRow", "JsonField", "LabelRow", "LabourRow", "LocationRow", "LoginFailureRow",
    "MetaRow", "NoticeRow", "OccurrenceRow", "PartRow", "PersonRow", "PlanAssetRow", "PlanRow", "PointRow",
    "PurchaseRequestRow", "ReservationRow", "Row", "RuleRow", "SessionRow", "ShiftMemberRow", "ShiftRow",
    "StockMoveRow", "TeamMemberRow", "TeamRow", "TicketRow", "UplinkEventRow", "UtcField", "VersionedRow",
]
