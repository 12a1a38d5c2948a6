"""Who may do what: roles, actions, scopes and the one policy function. Deny by default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    REPORTER = "reporter"
    AGENT = "agent"
    DISPATCHER = "dispatcher"
    TECHNICIAN = "technician"
    STOREKEEPER = "storekeeper"
    SUPERVISOR = "supervisor"
    VENDOR = "vendor"
    ADMIN = "admin"


class Scope(StrEnum):
    """How far a right reaches. `own`: assigned to or reported by the actor; `team`: of one of the actor's teams."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"


class Action(StrEnum):
    TICKET_READ = "ticket.read"
    TICKET_CREATE = "ticket.create"
    TICKET_EDIT = "ticket.edit"
    TICKET_NOTE = "ticket.note"
    TICKET_ASSIGN = "ticket.assign"
    TICKET_GRAB = "ticket.grab"
    TICKET_WORK = "ticket.work"  # accept, start, hold, resume, resolve, decline
    TICKET_CLOSE = "ticket.close"  # close, reopen, reject
    TICKET_CANCEL = "ticket.cancel"
    TICKET_OVERRIDE = "ticket.override"  # pass a guard with a reason
    COST_READ = "cost.read"
    ALARM_READ = "alarm.read"
    ALARM_ACK = "alarm.ack"
    ALARM_SHELVE = "alarm.shelve"  # shelve, take out of service, put back
    ASSET_READ = "asset.read"
    ASSET_EDIT = "asset.edit"
    PLAN_READ = "plan.read"
    PLAN_EDIT = "plan.edit"
    PART_READ = "part.read"
    PART_EDIT = "part.edit"
    PART_ISSUE = "part.issue"
    STOCK_MOVE = "stock.move"  # receive, count, scrap
    PEOPLE_READ = "people.read"
    PEOPLE_EDIT = "people.edit"
    FLEET_READ = "fleet.read"
    FLEET_EDIT = "fleet.edit"
    POINT_WRITE = "point.write"
    LABEL_PRINT = "label.print"
    ARTICLE_READ = "article.read"
    ARTICLE_EDIT = "article.edit"
    DISPATCH_EDIT = "dispatch.edit"  # rules by which tickets find people
    TEMPLATE_EDIT = "template.edit"  # what kinds of tickets ask for
    SLA_EDIT = "sla.edit"  # working calendars, service levels
    JOURNAL_READ = "journal.read"
    INTEGRATION_EDIT = "integration.edit"  # tokens of other programs, webhooks
    SETTINGS_EDIT = "settings.edit"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind`: person, edge, token (another program), system (jobs) or public (a phone without log-in).

    `id` is a person's or an edge's, never a token's: that has `token_id`, so that no program is taken for a
    person. `actions`: what a token was given; people have their roles instead.
    """

    kind: str
    id: int | None = None
    name: str = ""
    roles: frozenset[str] = frozenset()
    team_ids: frozenset[int] = frozenset()
    address: str = ""
    language: str = "zh_CN"
    actions: frozenset[str] = frozenset()
    token_id: int | None = None

    @property
    def ref(self) -> str:
        """How the journal names the actor: `person:3`, `edge:2`, `token:1`, `system`, `public`."""
        number = self.id if self.token_id is None else self.token_id
        return self.kind if number is None else f"{self.kind}:{number}"


SYSTEM = Actor("system", name="Fettle")
PUBLIC = Actor("public")

_A = Action
_READ_ALL = (
    _A.TICKET_READ,
    _A.ALARM_READ,
    _A.ASSET_READ,
    _A.PLAN_READ,
    _A.PART_READ,
    _A.PEOPLE_READ,
    _A.ARTICLE_READ,
)


def _all(*actions: Action) -> dict[Action, Scope]:
    return dict.fromkeys(actions, Scope.ALL)


POLICY: dict[Role, dict[Action, Scope]] = {
    Role.REPORTER: {
        _A.TICKET_READ: Scope.OWN,
        _A.TICKET_CREATE: Scope.ALL,
        _A.TICKET_NOTE: Scope.OWN,
        _A.ASSET_READ: Scope.ALL,
    },
    Role.AGENT: _all(
        *_READ_ALL,
        _A.TICKET_CREATE,
        _A.TICKET_EDIT,
        _A.TICKET_NOTE,
        _A.TICKET_CLOSE,
        _A.ARTICLE_EDIT,
    ),
    Role.DISPATCHER: _all(
        *_READ_ALL,
        _A.TICKET_CREATE,
        _A.TICKET_EDIT,
        _A.TICKET_NOTE,
        _A.TICKET_ASSIGN,
        _A.TICKET_CANCEL,
        _A.TICKET_CLOSE,
        _A.ARTICLE_EDIT,
        _A.ALARM_ACK,
        _A.ALARM_SHELVE,
        _A.JOURNAL_READ,
        _A.LABEL_PRINT,
        _A.FLEET_READ,
    ),
    Role.TECHNICIAN: _all(
        _A.TICKET_READ,
        _A.ALARM_READ,
        _A.ASSET_READ,
        _A.PLAN_READ,
        _A.PART_READ,
        _A.ARTICLE_READ,
        _A.ARTICLE_EDIT,
        _A.TICKET_CREATE,
        _A.TICKET_NOTE,
        _A.TICKET_GRAB,
        _A.ALARM_ACK,
        _A.LABEL_PRINT,
    )
    | {
        _A.TICKET_WORK: Scope.OWN,
        _A.TICKET_EDIT: Scope.OWN,
        _A.PART_ISSUE: Scope.OWN,
        _A.COST_READ: Scope.OWN,
    },
    Role.STOREKEEPER: _all(
        _A.TICKET_READ,
        _A.ASSET_READ,
        _A.ARTICLE_READ,
        _A.PART_READ,
        _A.PART_EDIT,
        _A.PART_ISSUE,
        _A.STOCK_MOVE,
        _A.COST_READ,
        _A.LABEL_PRINT,
        _A.TICKET_NOTE,
    ),
    Role.VENDOR: {
        _A.TICKET_READ: Scope.OWN,
        _A.TICKET_WORK: Scope.OWN,
        _A.TICKET_NOTE: Scope.OWN,
    },
    Role.SUPERVISOR: _all(*(a for a in Action if a not in (_A.SETTINGS_EDIT, _A.INTEGRATION_EDIT))),
    Role.ADMIN: _all(*Action),
}


@dataclass(frozen=True, slots=True)
class Owned:
    """To whom a thing belongs, for scopes narrower than all."""

    person_ids: frozenset[int] = field(default_factory=frozenset)
    team_ids: frozenset[int] = field(default_factory=frozenset)


def scope_of(actor: Actor, action: Action) -> Scope | None:
    """The widest scope in which `actor` may do `action`; None for not at all."""
    if actor.kind == "system":
        return Scope.ALL
    if actor.kind == "token":
        return Scope.ALL if action in actor.actions else None
    if actor.kind != "person":
        return None
    order = (Scope.OWN, Scope.TEAM, Scope.ALL)
    scopes = [held[action] for role, held in POLICY.items() if role in actor.roles and action in held]
    return max(scopes, key=order.index, default=None)


def may(actor: Actor, action: Action, owned: Owned | None = None) -> bool:
    """The one policy function: may `actor` do `action` on a thing owned as `owned`?

    Without `owned` the question is whether the actor may do it to anything at all.
    """
    scope = scope_of(actor, action)
    if scope is None:
        return False
    if scope is Scope.ALL or owned is None:
        return True
    if actor.id is not None and actor.id in owned.person_ids:
        return True
    return scope is Scope.TEAM and bool(actor.team_ids & owned.team_ids)


def require(actor: Actor, action: Action, owned: Owned | None = None) -> None:
    """Raise Unauthenticated or Forbidden unless `may` says yes."""
    if may(actor, action, owned):
        return
    if actor.kind == "public":
        raise Unauthenticated("auth.needed", "log in first")
    raise Forbidden("auth.forbidden", f"{actor.ref} may not {action}", action=action)


def rights(actor: Actor) -> dict[str, str]:
    """Action → widest scope, for screens that hide what is not allowed (the hub checks again)."""
    found: Iterable[tuple[Action, Scope | None]] = ((a, scope_of(actor, a)) for a in Action)
    return {action.value: scope.value for action, scope in found if scope is not None}
