"""Spare parts: the ledger, purchase requests, parts on tickets."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.domain.people import Actor, Role
from core.errors import AppError, Conflict, Forbidden
from core.services import parts, purchases, stock, ticket_parts
from core.storage import db
from core.storage.sql import fn
from core.storage.tables import JournalRow, ReservationRow, StockMoveRow
from core.wire.parts import MovePurchase, MoveStock, PartView, RequestPurchase, SavePart
from tests.hub.actors import person, ticket
from tests.hub.conftest import NOW


@pytest.fixture
def keeper(database: str) -> Actor:
    return person("Keeper", Role.STOREKEEPER)


def stocked(keeper: Actor, qty: int = 10, price: int = 200, minimum: int = 0, order: int = 0) -> PartView:
    new = SavePart(name="Belt", unit="m", bin="B-01", minimum=Decimal(minimum), order_qty=Decimal(order))
    part = parts.create(keeper, new, now=NOW)
    return parts.move(
        keeper, part.id, MoveStock(kind="receive", qty=Decimal(qty), unit_cost_minor=price), now=NOW
    )


def test_a_part_is_made_and_its_bin(keeper: Actor) -> None:
    part = stocked(keeper)
    assert (part.number, part.bin, part.on_hand, part.unit_cost_minor, part.value_minor) == (
        "P-00001", "B-01", Decimal(10), 200, 2000,
    )  # fmt: skip
    other = parts.create(keeper, SavePart(name="Fan", bin="B-01"), now=NOW)
    assert other.bin == "B-01" and other.number == "P-00002"
    with pytest.raises(Conflict) as caught:
        parts.save(keeper, other.id, SavePart(name="Fan", number="P-00001"), now=NOW)
    assert caught.value.code == "part.number_taken" and caught.value.params["name"] == "Belt"


def test_the_ledger_freezes_price_and_average(keeper: Actor) -> None:
    part = stocked(keeper)
    parts.move(keeper, part.id, MoveStock(kind="receive", qty=Decimal(30), unit_cost_minor=400), now=NOW)
    parts.move(keeper, part.id, MoveStock(kind="scrap", qty=Decimal("2.5"), note="torn"), now=NOW)
    shown = parts.move(keeper, part.id, MoveStock(kind="count", qty=Decimal(40)), now=NOW)
    assert (shown.on_hand, shown.unit_cost_minor) == (Decimal(40), 350)
    lines = [(m.kind, m.qty, m.on_hand, m.unit_cost_minor) for m in parts.moves(keeper, part.id)]
    assert lines == [
        ("count", Decimal("2.5"), Decimal(40), 350),
        ("scrap", Decimal("-2.5"), Decimal("37.5"), 350),
        ("receive", Decimal(30), Decimal(40), 400),
        ("receive", Decimal(10), Decimal(10), 200),
    ]


def test_money_is_for_those_who_may_see_all_of_it(keeper: Actor) -> None:
    part = stocked(keeper)
    for role in (Role.TECHNICIAN, Role.DISPATCHER):
        shown = parts.view(person(role.value, role), part.id)
        assert shown.unit_cost_minor is None and shown.value_minor is None
        assert parts.moves(person(role.value, role), part.id)[0].unit_cost_minor is None
    with pytest.raises(Forbidden):
        parts.move(person("T", Role.TECHNICIAN), part.id, MoveStock(kind="scrap", qty=Decimal(1)), now=NOW)


def test_no_more_is_taken_than_there_is(keeper: Actor) -> None:
    part = stocked(keeper, qty=3)
    with pytest.raises(Conflict) as caught:
        parts.move(keeper, part.id, MoveStock(kind="scrap", qty=Decimal(4)), now=NOW)
    error = caught.value
    assert (error.code, error.fields) == ("part.not_enough", {"qty": "not_enough"})
    assert (error.params["have"], error.params["wanted"], error.params["unit"]) == ("3", "4", "m")
    with pytest.raises(AppError, match="nothing would be moved"):
        parts.move(keeper, part.id, MoveStock(kind="scrap", qty=Decimal(0)), now=NOW)
    with pytest.raises(AppError) as missing:
        parts.move(keeper, part.id, MoveStock(kind="receive", qty=Decimal(1)), now=NOW)
    assert missing.value.fields == {"unit_cost_minor": "missing"}
    assert StockMoveRow.select().count() == 1, "nothing half-done"


def test_reserve_issue_and_release(keeper: Actor) -> None:
    part, row = stocked(keeper), ticket("T-1")
    ticket_parts.reserve(keeper, row.id, part.id, Decimal(4), now=NOW)
    shown = parts.view(keeper, part.id)
    assert (shown.on_hand, shown.reserved, shown.available) == (Decimal(10), Decimal(4), Decimal(6))
    ticket_parts.issue(keeper, row.id, part.id, Decimal(1), now=NOW)
    (line,) = ticket_parts.of_ticket(row.id)
    assert (line.wanted, line.issued, line.on_hand, line.short, line.open) == (4, 1, 9, 0, True)
    ticket_parts.release(keeper, row.id, now=NOW)
    (line,) = ticket_parts.of_ticket(row.id)
    assert (line.wanted, line.issued, line.open) == (1, 1, False)
    assert parts.view(keeper, part.id).available == Decimal(9)
    verbs = [
        r.verb for r in JournalRow.select().where(JournalRow.ticket_id == row.id).order_by(JournalRow.id)
    ]
    assert verbs == ["ticket.part_reserved", "ticket.part_issued", "ticket.part_released"]


def test_a_shortage_asks_for_a_purchase_once(keeper: Actor) -> None:
    part, row = stocked(keeper, qty=3), ticket("T-1")
    assert ticket_parts.reserve(keeper, row.id, part.id, Decimal(5), now=NOW, reason="T-1") == Decimal(2)
    (asked,) = purchases.requests(keeper)
    assert asked.qty == Decimal(2) and asked.reason == "T-1" and asked.ticket is not None
    assert asked.ticket.number == "T-1" and asked.number == "PR-2026-00001"
    ticket_parts.reserve(keeper, row.id, part.id, Decimal(1), now=NOW)
    assert [r.qty for r in purchases.requests(keeper)] == [Decimal(1), Decimal(2)], (
        "only what is not asked for yet"
    )


def test_what_is_promised_to_one_ticket_is_not_issued_to_another(keeper: Actor) -> None:
    part, first, second = stocked(keeper), ticket("T-1"), ticket("T-2")
    ticket_parts.reserve(keeper, first.id, part.id, Decimal(8), now=NOW)
    with pytest.raises(Conflict) as caught:
        ticket_parts.issue(keeper, second.id, part.id, Decimal(3), now=NOW)
    assert (caught.value.params["have"], caught.value.params["reserved"]) == ("2", "8")
    ticket_parts.issue(keeper, second.id, part.id, Decimal(2), now=NOW)
    ticket_parts.issue(keeper, first.id, part.id, Decimal(8), now=NOW)
    assert not ReservationRow.get(ReservationRow.ticket == first.id).open
    assert parts.view(keeper, part.id).on_hand == 0


def test_given_back_at_the_price_it_was_issued_at(keeper: Actor) -> None:
    part, row = stocked(keeper, qty=2, price=100), ticket("T-1")
    ticket_parts.issue(keeper, row.id, part.id, Decimal(2), now=NOW)
    parts.move(keeper, part.id, MoveStock(kind="receive", qty=Decimal(1), unit_cost_minor=400), now=NOW)
    ticket_parts.give_back(keeper, row.id, part.id, Decimal(1), now=NOW)
    assert parts.view(keeper, part.id).unit_cost_minor == 250
    spent = sum(
        -m.qty_milli * m.price_minor for m in StockMoveRow.select().where(StockMoveRow.ticket == row.id)
    )
    assert spent == 1000 * 100
    (line,) = ticket_parts.of_ticket(row.id)
    assert (line.wanted, line.issued) == (1, 1)
    with pytest.raises(Conflict) as caught:
        ticket_parts.give_back(keeper, row.id, part.id, Decimal(2), now=NOW)
    assert caught.value.code == "part.not_issued" and caught.value.params["have"] == "1"


def test_reorder_at_the_minimum_once(keeper: Actor) -> None:
    part, row = stocked(keeper, qty=10, minimum=4, order=20), ticket("T-1")
    assert [r.state for r in purchases.requests(keeper)] == ["requested"], "it began with nothing"
    first = purchases.requests(keeper)[0]
    purchases.move_purchase(keeper, first.id, MovePurchase(do="cancel"), now=NOW)
    ticket_parts.issue(keeper, row.id, part.id, Decimal(5), now=NOW)
    assert not parts.view(keeper, part.id).low and len(purchases.requests(keeper)) == 1
    ticket_parts.reserve(keeper, row.id, part.id, Decimal(1), now=NOW)
    ticket_parts.issue(keeper, row.id, part.id, Decimal(2), now=NOW)
    opened = purchases.requests(keeper, state="requested")
    assert [r.qty for r in opened] == [Decimal(20)] and parts.view(keeper, part.id).on_order == 20
    assert not parts.view(keeper, part.id).low and parts.count_low() == 0


def test_a_purchase_is_closed_by_what_comes_in(keeper: Actor) -> None:
    part = stocked(keeper)
    asked = purchases.request_purchase(keeper, RequestPurchase(part_id=part.id, qty=Decimal(6)), now=NOW)
    receipt = MoveStock(kind="receive", qty=Decimal(4), unit_cost_minor=100, request_id=asked.id)
    with pytest.raises(Conflict) as caught:
        parts.move(keeper, part.id, receipt, now=NOW)
    assert caught.value.code == "purchase.not_now" and caught.value.params["state"] == "requested"
    with pytest.raises(Conflict):
        purchases.move_purchase(keeper, asked.id, MovePurchase(do="send"), now=NOW)
    approved = purchases.move_purchase(keeper, asked.id, MovePurchase(do="approve", version=1), now=NOW)
    with pytest.raises(Conflict) as stale:
        purchases.move_purchase(keeper, asked.id, MovePurchase(do="send", version=1), now=NOW)
    assert stale.value.code == "purchase.changed" and approved.version == 2
    purchases.move_purchase(keeper, asked.id, MovePurchase(do="send"), now=NOW)
    parts.move(keeper, part.id, receipt, now=NOW)
    (now_shown,) = purchases.requests(keeper)
    assert (now_shown.state, now_shown.received) == ("part_received", 4)
    assert parts.view(keeper, part.id).on_order == 2
    parts.move(keeper, part.id, receipt, now=NOW)
    (now_shown,) = purchases.requests(keeper)
    assert (
        now_shown.state == "closed"
        and now_shown.closed_at == NOW
        and parts.view(keeper, part.id).on_order == 0
    )
    other = parts.create(keeper, SavePart(name="Fan"), now=NOW)
    with pytest.raises(Conflict) as wrong:
        parts.move(keeper, other.id, receipt, now=NOW)
    assert wrong.value.code == "purchase.other_part"


QTY = st.integers(1, 9000).map(lambda n: Decimal(n) / 1000)


class Ledger(RuleBasedStateMachine):
    """Any order of moves: on hand is the sum of its moves, never below nothing, and worth what was paid for it."""

    empty: Path
    folder: Path

    @initialize()
    def begin(self) -> None:
        db.close()
        file = self.folder / f"ledger{len(list(self.folder.iterdir()))}.db"
        shutil.copy(self.empty, file)
        db.open_database("", file)
        self.keeper = person("Keeper", Role.STOREKEEPER)
        self.part = parts.create(self.keeper, SavePart(name="Belt"), now=NOW).id
        self.tickets = [ticket(f"T-{n}").id for n in range(2)]

    @rule(qty=QTY, price=st.integers(0, 10**6))
    def receive(self, qty: Decimal, price: int) -> None:
        parts.move(self.keeper, self.part, MoveStock(kind="receive", qty=qty, unit_cost_minor=price), now=NOW)

    @rule(qty=QTY, kind=st.sampled_from(["scrap", "count", "vendor_return"]))
    def by_hand(self, qty: Decimal, kind: str) -> None:
        self.allowed(lambda: parts.move(self.keeper, self.part, MoveStock(kind=kind, qty=qty), now=NOW))  # type: ignore[arg-type]

    @rule(which=st.integers(0, 1), qty=QTY, do=st.sampled_from(["reserve", "issue", "give_back", "release"]))
    def on_ticket(self, which: int, qty: Decimal, do: str) -> None:
        self.allowed(
            lambda: getattr(ticket_parts, do)(self.keeper, self.tickets[which], self.part, qty, now=NOW)
        )

    def allowed(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except Conflict as refused:
            assert refused.code in ("part.not_enough", "part.not_issued")

    @invariant()
    def adds_up(self) -> None:
        if not hasattr(self, "part"):
            return
        stands = stock.position(self.part)
        total = StockMoveRow.select(fn.COALESCE(fn.SUM(StockMoveRow.qty_milli), 0)).scalar()
        assert stands.stock.on_hand_milli == int(total) >= 0
        on_hand, value = 0, 0.0
        for move in StockMoveRow.select().order_by(StockMoveRow.id):
            on_hand += move.qty_milli
            assert move.on_hand_milli == on_hand >= 0
            value = on_hand * move.unit_cost_minor
        assert value >= 0 and stands.reserved >= 0 and stands.on_order >= 0
        for row in ReservationRow.select():
            assert 0 <= row.issued_milli <= row.qty_milli and row.open == (row.issued_milli < row.qty_milli)


def test_ledger_holds_in_any_order(sqlite_file: Path, tmp_path: Path) -> None:
    machine = type("InFolder", (Ledger,), {"empty": sqlite_file, "folder": tmp_path})
    try:
        machine.TestCase.settings = settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        )
        machine.TestCase("runTest").runTest()
    finally:
        db.close()
