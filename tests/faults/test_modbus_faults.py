"""The Modbus fault harness, short: nothing wrong on any carrier, and each careless link is caught."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from core import log
from tests.edge.hostile import FAULTS_OF, Carrier
from tests.faults import modbus
from tests.faults.modbus_mutants import MUTANTS, Mutant


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    log.configure(level="critical")  # careless links fail loudly, and dead devices are told a thousand times
    yield
    log.configure()
    logging.getLogger().setLevel(logging.WARNING)


@pytest.mark.parametrize(("carrier", "requests"), [("tcp", 20_000), ("rtu_tcp", 2_000), ("serial", 2_000)])
def test_no_value_is_wrong_and_nothing_crashes(carrier: Carrier, requests: int) -> None:
    tally = modbus.run(carrier, requests, seed=5, share=0.02)
    assert (tally.wrong, tally.crashes) == (0, 0), tally.first_wrong
    assert tally.requests >= requests and tally.values > 1_000
    assert set(tally.kinds) <= set(FAULTS_OF[carrier]) and sum(tally.kinds.values()) > 0.01 * requests


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.carrier}: {mutant.name}")
def test_a_careless_link_is_caught(mutant: Mutant) -> None:
    tally = modbus.try_mutant(mutant, seed=5)
    assert tally.wrong or tally.crashes
