"""Plans and due dates in words, and the columns of their tables."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import _, label, ngettext
from core.wire.plans import Due, PlanView
from desktop.table_model import Column


def every_words(plan: PlanView) -> str:
    """`every 3 months`."""
    n = plan.every
    words = {
        "day": ngettext("every day", "every {n} days", n),
        "week": ngettext("every week", "every {n} weeks", n),
        "month": ngettext("every month", "every {n} months", n),
        "year": ngettext("every year", "every {n} years", n),
    }[plan.period]
    return words.format(n=n)


def asset_count(n: int) -> str:
    """How many assets."""
    return ngettext("{n} asset", "{n} assets", n).format(n=n)


def plan_columns() -> Sequence[Column[PlanView]]:
    """All plans."""
    return (
        Column(
            "name",
            label("word.name"),
            lambda p: p.name,
            width=170,
            stretch=True,
            colour=lambda p: "" if p.active else "faint",
        ),
        Column("every", _("Interval"), every_words, lambda p: (PERIODS.index(p.period), p.every), width=104),
        Column(
            "mode",
            _("Counted"),
            lambda p: _("fixed") if p.mode == "fixed" else _("floating"),
            tip=lambda p: label(f"plan.mode.{p.mode}"),
            width=65,
            gives_way=3,
        ),
        Column(
            "assets",
            _("Assets"),
            lambda p: p.assets[0].name if len(p.assets) == 1 else asset_count(len(p.assets)),
            lambda p: len(p.assets),
            width=110,
            tip=lambda p: "\n".join(f"{a.number}  {a.name}" for a in p.assets[:30]),
        ),
        Column(
            "next",
            _("Next due"),
            lambda p: f"{p.next_due_on:%Y-%m-%d}" if p.next_due_on and p.active else "–",
            lambda p: p.next_due_on,
            tip=lambda p: (
                "" if p.next_due_on or not p.active else _("Counts from the completion of the open ticket.")
            ),
            width=92,
        ),
        Column(
            "last",
            _("Last done"),
            lambda p: f"{p.last_done_on:%Y-%m-%d}" if p.last_done_on else _("never"),
            lambda p: p.last_done_on,
            width=92,
            gives_way=2,
        ),
        Column(
            "steps",
            _("Steps"),
            lambda p: str(len(p.procedure) or "–"),
            lambda p: len(p.procedure),
            "right",
            width=60,
            hidden=True,
        ),
        Column(
            "parts",
            _("Parts"),
            lambda p: str(len(p.kit) or "–"),
            lambda p: len(p.kit),
            "right",
            width=60,
            hidden=True,
        ),
        Column("team", _("Team"), lambda p: p.team.name if p.team else "", width=80, gives_way=1),
        Column("active", _("In use"), lambda p: _("yes") if p.active else _("no"), width=60, hidden=True),
    )


PERIODS = ("day", "week", "month", "year")


def due_columns() -> Sequence[Column[Due]]:
    """What comes next; overdue in red."""

    def colour(due: Due) -> str:
        return "bad" if due.overdue else ""

    return (
        Column(
            "due",
            _("Due on"),
            lambda d: f"{d.due_on:%Y-%m-%d}",
            lambda d: d.due_on,
            colour=colour,
            bold=lambda d: d.overdue,
            icon=lambda d: "alert-circle-outline" if d.overdue else "",
            icon_colour=lambda d: "bad",
            tip=lambda d: _("Overdue") if d.overdue else "",
            width=110,
        ),
        Column("plan", _("Plan"), lambda d: d.plan.name, colour=colour, width=125, stretch=True),
        Column("asset", _("Asset"), lambda d: d.asset.name, width=115),
        Column("ticket", _("Ticket"), lambda d: d.ticket.number if d.ticket else "", width=108),
    )
