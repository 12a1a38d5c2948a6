"""People, teams, shifts, log-in and first set-up, as the API tells and asks them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from core.domain.people import Role
from core.wire.base import Name, Ref, Request, Trimmed, View, trim

Language = Literal["zh_CN", "en"]
Login = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,63}$", description="Lower-case letters, digits, . _ -")
]
Password = Annotated[SecretStr, Field(min_length=12, max_length=128)]
PublicUrl = Annotated[
    str,
    BeforeValidator(trim),
    StringConstraints(pattern=r"^(https?://[^\s/@?#]+(/[^\s?#]*)?)?$", max_length=200),
]
Weekday = Annotated[int, Field(ge=0, le=6)]
Minute = Annotated[int, Field(ge=0, le=1440)]


class SetupState(View):
    """Whether this hub waits for its first set-up."""

    needed: bool
    version: str
    plant: str = ""
    language: Language = "zh_CN"


class SetUp(Request):
    """First set-up: opened by the one-time code that the hub printed."""

    code: str
    plant: Name
    language: Language = "zh_CN"
    public_url: PublicUrl = ""
    name: Name
    login: Login
    password: Password
    sample: Literal["none", "zh_CN", "en"] = "none"


class PlantView(View):
    """What administrators set of the plant. `address`: what labels and links get, also while none is set."""

    version: int
    name: str
    language: Language
    public_url: str
    address: str


class SavePlant(Request):
    """Change the plant's facts. An empty `public_url`: the one of the settings file, or this hub's own."""

    version: int
    name: Name
    language: Language
    public_url: PublicUrl = ""


class LogIn(Request):
    login: Trimmed
    password: SecretStr
    program: str = Field("", max_length=200)


class LoggedIn(View):
    """`token` goes into `Authorization: Bearer …`."""

    token: str
    me: Me


class Me(View):
    id: int
    name: str
    login: str
    roles: list[Role]
    language: Language
    rights: dict[str, str] = Field(description="Action → widest scope (own, team, all).")
    teams: list[Ref] = Field(default_factory=list)
    plant: str = ""
    currency: str = "CNY"
    timezone: str = "Asia/Shanghai"
    public_url: str = ""


class ChangePassword(Request):
    old: SecretStr
    new: Password


class PersonView(View):
    id: int
    version: int
    name: str
    login: str | None
    roles: list[Role]
    skills: list[str]
    phone: str
    email: str
    notify_urls: list[str]
    language: Language
    hourly_cost_minor: int
    active: bool
    teams: list[Ref]
    shifts: list[Ref]
    on_shift: bool
    open_tickets: int


class SavePerson(Request):
    """Create (without `version`) or change a person. `password` sets a new one."""

    version: int | None = None
    name: Name
    login: Login | None = None
    password: Password | None = None
    roles: list[Role] = Field(default_factory=list)
    skills: list[Name] = Field(default_factory=list)
    phone: Trimmed = Field("", max_length=40)
    email: Trimmed = Field("", max_length=200)
    notify_urls: list[str] = Field(default_factory=list, max_length=5)
    language: Language = "zh_CN"
    hourly_cost_minor: int = Field(0, ge=0)
    active: bool = True
    team_ids: list[int] = Field(default_factory=list)
    shift_ids: list[int] = Field(default_factory=list)


class TeamView(View):
    id: int
    version: int
    name: str
    active: bool
    members: list[Ref]


class SaveTeam(Request):
    version: int | None = None
    name: Name
    active: bool = True
    member_ids: list[int] = Field(default_factory=list)


class ShiftView(View):
    id: int
    version: int
    name: str
    weekdays: list[int]
    start_min: int
    end_min: int
    active: bool
    members: list[Ref]


class SaveShift(Request):
    """Weekly pattern in plant time; `end_min` ≤ `start_min` runs over midnight."""

    version: int | None = None
    name: Name
    weekdays: list[Weekday]
    start_min: Minute
    end_min: Minute
    active: bool = True
    member_ids: list[int] = Field(default_factory=list)


class AbsenceView(View):
    id: int
    person: Ref
    from_on: date
    to_on: date
    reason: str


class AddAbsence(Request):
    from_on: date
    to_on: date
    reason: Trimmed = Field("", max_length=200)


class SessionView(View):
    id: int
    created_at: datetime
    seen_at: datetime
    address: str
    program: str
    current: bool


LoggedIn.model_rebuild()
