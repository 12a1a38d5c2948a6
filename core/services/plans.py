"""Plans: what preventive work is wanted, and making its tickets. When it was last done is read from the tickets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from core import log
from core.domain import plans as domain
from core.domain.people import SYSTEM, Action, Actor, require
from core.domain.plans import History, Rhythm
from core.domain.workflow import DONE, OPEN
from core.errors import AppError, FettleError, NotFound
from core.services import journal, rows, settings, ticket_parts, tickets
from core.storage import db
from core.storage.sql import JOIN, fn
from core.storage.tables import AssetRow, PlanAssetRow, PlanRow, TeamRow, TicketRow
from core.wire.base import Ref
from core.wire.plans import Due, PlanView, SavePlan
from core.wire.tickets import CreateTicket, Step

_log = log.get(__name__)
_MOST_DUE = 2000  # lines of the due list
Key = tuple[int, int]  # plan and asset

# ---------------------------------------------------------------- reading


def _today(now: datetime) -> date:
    return now.astimezone(settings.zone()).date()


@db.reading
def listed(actor: Actor, *, now: datetime) -> list[PlanView]:
    """All plans, by name, with when they are next due and were last done."""
    require(actor, Action.PLAN_READ)
    return _views(list(PlanRow.select().order_by(PlanRow.name)), now)


@db.reading
def view(actor: Actor, plan_id: int, *, now: datetime) -> PlanView:
    """One plan."""
    require(actor, Action.PLAN_READ)
    return _views([rows.get(PlanRow, plan_id, "plan")], now)[0]


def _assets(plan_ids: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    query = (
        PlanAssetRow.select(PlanAssetRow, AssetRow)
        .join(AssetRow)
        .where(PlanAssetRow.plan.in_(list(plan_ids)))
    )
    for row in query.order_by(AssetRow.number):
        found[row.plan_id].append(row.asset)
    return found


def _histories(plan_ids: Sequence[int]) -> dict[Key, History]:
    """What the tickets tell of each plan on each asset, in three queries."""
    mine = TicketRow.plan_id.in_(list(plan_ids))
    key = (TicketRow.plan_id, TicketRow.asset)
    made = TicketRow.select(*key, fn.MAX(TicketRow.plan_due_on).alias("on")).where(mine).group_by(*key)
    completed = mine & TicketRow.state.in_(list(DONE)) & TicketRow.resolved_at.is_null(False)
    done = (
        TicketRow.select(
            *key, fn.MAX(TicketRow.resolved_at).alias("at"), fn.MAX(TicketRow.plan_due_on).alias("on")
        )
        .where(completed)
        .group_by(*key)
    )
    waiting = TicketRow.select(*key).where(mine, TicketRow.state.in_(list(OPEN))).distinct()
    histories: dict[Any, History] = {(row.plan_id, row.asset_id): History(made_on=row.on) for row in made}
    for row in done:
        at: Any = (row.plan_id, row.asset_id)
        histories[at] = replace(histories[at], done_on=_today(row.at), done_due_on=row.on)
    for row in waiting:
        at = (row.plan_id, row.asset_id)
        histories[at] = replace(histories[at], open=True)
    return histories


def _rhythm(row: Any) -> Rhythm:
    return Rhythm(
        row.every, row.period, row.start_on, row.mode, row.lead_days, row.grace_days, row.skip_if_open
    )


def _views(found: Sequence[Any], now: datetime) -> list[PlanView]:
    ids = [row.id for row in found]
    assets, histories, today = _assets(ids), _histories(ids), _today(now)
    views = []
    for row in found:
        told = [histories.get((row.id, asset.id), History()) for asset in assets[row.id]]
        coming = [domain.next_due(_rhythm(row), history, today) for history in told] if row.active else []
        views.append(
            PlanView(
                id=row.id,
                version=row.version,
                name=row.name,
                every=row.every,
                period=row.period,
                start_on=row.start_on,
                mode=row.mode,
                lead_days=row.lead_days,
                grace_days=row.grace_days,
                skip_if_open=row.skip_if_open,
                priority=row.priority,
                team=rows.ref(row.team),
                description=row.description,
                procedure=[Step.model_validate(step) for step in row.procedure],
                kit=ticket_parts.kit_lines(row.kit),
                estimated_min=row.estimated_min,
                active=row.active,
                assets=[Ref(id=asset.id, name=asset.name, number=asset.number) for asset in assets[row.id]],
                next_due_on=min((day for day in coming if day is not None), default=None),
                last_done_on=max((one.done_on for one in told if one.done_on is not None), default=None),
            )
        )
    return views


@db.reading
def due(actor: Actor, *, days: int, now: datetime) -> list[Due]:
    """Open tickets of plans, and what falls due within `days`, by date."""
    require(actor, Action.PLAN_READ)
    today = _today(now)
    found = list(PlanRow.select().where(PlanRow.active))
    by_id, histories = {row.id: row for row in found}, _histories([row.id for row in found])
    waiting: list[Any] = list(
        TicketRow.select(TicketRow, AssetRow)
        # An outer join begins with the tickets; SQLite would begin with all assets and go through all of theirs.
        .join(AssetRow, JOIN.LEFT_OUTER)
        .where(
            TicketRow.plan_id.is_null(False), TicketRow.state.in_(list(OPEN)), TicketRow.asset.is_null(False)
        )
    )
    names = {row.id: row for row in PlanRow.select()}
    lines = [
        Due(
            plan=Ref(id=row.plan_id, name=names[row.plan_id].name if row.plan_id in names else row.title),
            asset=Ref(id=row.asset.id, name=row.asset.name, number=row.asset.number),
            due_on=row.plan_due_on,
            ticket=Ref(id=row.id, name=row.title, number=row.number),
            overdue=domain.overdue(row.plan_due_on, _grace(names, row.plan_id), today),
        )
        for row in waiting
    ]
    until = today + timedelta(days=days)
    for plan_id, assets in _assets(list(by_id)).items():
        plan = by_id[plan_id]
        for asset in assets:
            history = histories.get((plan_id, asset.id), History())
            for day in (
                domain.coming(_rhythm(plan), history, today, until) if asset.retired_at is None else []
            ):
                lines.append(
                    Due(
                        plan=Ref(id=plan.id, name=plan.name),
                        asset=Ref(id=asset.id, name=asset.name, number=asset.number),
                        due_on=day,
                        overdue=domain.overdue(day, plan.grace_days, today),
                    )
                )
    return sorted(lines, key=lambda line: (line.due_on, line.plan.name, line.asset.number))[:_MOST_DUE]


def _grace(plans: dict[int, Any], plan_id: int) -> int:
    return plans[plan_id].grace_days if plan_id in plans else 0


# ---------------------------------------------------------------- changing


@db.transaction
def create(actor: Actor, new: SavePlan, *, now: datetime) -> PlanView:
    """Add a plan for one or more assets. NotFound for unknown assets, teams and parts."""
    require(actor, Action.PLAN_EDIT)
    row = PlanRow.create(**_values(new))
    _replace_assets(row.id, new.asset_ids)
    journal.write(actor, "plan.created", "plan", row.id, now, name=row.name)
    return view(actor, row.id, now=now)


@db.transaction
def save(actor: Actor, plan_id: int, new: SavePlan, *, now: datetime) -> PlanView:
    """Change a plan; tickets that it has made stay as they are. Conflict `plan.changed`."""
    require(actor, Action.PLAN_EDIT)
    row = rows.lock(PlanRow, plan_id, "plan", new.version)
    changed = rows.change(row, **_values(new))
    changed |= _replace_assets(row.id, new.asset_ids)
    journal.write(actor, "plan.edited", "plan", row.id, now, name=row.name, changed=changed)
    return view(actor, row.id, now=now)


def _values(new: SavePlan) -> dict[str, Any]:
    if new.team_id is not None and TeamRow.get_or_none(TeamRow.id == new.team_id) is None:
        raise NotFound("team.not_found", "no such team", {"team_id": "unknown"}, id=new.team_id)
    keys = [step.key for step in new.procedure]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise AppError("plan.step_twice", f"step {twice} is there twice", {"procedure": "twice"}, key=twice)
    unanswered = {"answer": None, "answered_at": None, "answered_by": ""}
    values = new.model_dump(exclude={"version", "asset_ids", "procedure", "kit"})
    return {
        **values,
        "procedure": [{**step.model_dump(mode="json"), **unanswered} for step in new.procedure],
        "kit": ticket_parts.kit_values(new.kit),
    }


def _replace_assets(plan_id: int, asset_ids: Sequence[int]) -> dict[str, Any]:
    wanted = set(asset_ids)
    known = {row.id for row in AssetRow.select(AssetRow.id).where(AssetRow.id.in_(list(wanted)))}
    if wanted - known:
        raise NotFound("asset.not_found", "no such asset", {"asset_ids": "unknown"}, id=min(wanted - known))
    before = {row.asset_id for row in PlanAssetRow.select().where(PlanAssetRow.plan == plan_id)}
    PlanAssetRow.delete().where(
        PlanAssetRow.plan == plan_id, PlanAssetRow.asset.in_(list(before - wanted))
    ).execute()
    for asset_id in sorted(wanted - before):
        PlanAssetRow.create(plan=plan_id, asset=asset_id)
    return {} if before == wanted else {"asset_ids": [sorted(before), sorted(wanted)]}


# ---------------------------------------------------------------- making tickets


def create_due(*, now: datetime) -> list[int]:
    """Make the tickets that are due; safe to call as often as one likes. Returns the new tickets' ids.

    Each in a transaction of its own: one that cannot be made leaves the others alone, and is tried again.
    """
    made = []
    for plan_id, asset_id in _candidates(now):
        try:
            ticket_id = _create_one(plan_id, asset_id, now)
        except FettleError as error:
            _log.error(
                "plan makes no ticket", plan=plan_id, asset=asset_id, reason=error.code, detail=error.detail
            )
            continue
        if ticket_id is not None:
            made.append(ticket_id)
    return made


@db.reading
def _candidates(now: datetime) -> list[Key]:
    today = _today(now)
    found = {row.id: row for row in PlanRow.select().where(PlanRow.active)}
    histories = _histories(list(found))
    return [
        (plan_id, asset.id)
        for plan_id, assets in sorted(_assets(list(found)).items())
        for asset in assets
        if asset.retired_at is None
        and domain.due(_rhythm(found[plan_id]), histories.get((plan_id, asset.id), History()), today)
    ]


@db.transaction
def _create_one(plan_id: int, asset_id: int, now: datetime) -> int | None:
    plan = rows.lock(PlanRow, plan_id, "plan")  # two jobs at once make one ticket
    history = _histories([plan_id]).get((plan_id, asset_id), History())
    due_on = domain.due(_rhythm(plan), history, _today(now)) if plan.active else None
    if due_on is None:
        return None
    asked = CreateTicket(
        type="maintenance",
        source="plan",
        title=plan.name,
        description=plan.description,
        asset_id=asset_id,
        priority=plan.priority,
        procedure=[Step.model_validate(step) for step in plan.procedure],
        request_id=f"plan-{plan_id}-{asset_id}-{due_on:%Y%m%d}",
    )
    links = {"plan_id": plan_id, "plan_due_on": due_on, "team_id": plan.team_id, "kit": plan.kit}
    ticket = tickets.create(SYSTEM, asked, now=now, **links)
    return ticket.id


@db.reading
def count_due(*, now: datetime) -> int:
    """How many occurrences are open or due within a week; for the dashboard."""
    return len(due(SYSTEM, days=7, now=now))
