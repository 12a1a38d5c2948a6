"""`./dev replay nab`: a real machine's recorded temperature, served over Modbus, polled by the edge's own engine.

An independent server (pyModbusTCP) shows one row after the other; the edge reads it through its line, checks and
decodes the reply and runs its rules on a clock that follows the recording; the hub
makes tickets of what the outbox holds. The rules were set from the first two
weeks alone (`tests/data/nab/rules.yaml`). Prints what was caught, missed and false; proves by a second run in memory
that polling lost nothing.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyModbusTCP.server import DataBank, ModbusServer

from core import log
from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig, ModbusTcpDevice
from core.wire.uplink import AlarmCleared, AlarmRaised, UplinkEvent
from edge_agent.clock import DataClock
from edge_agent.config import from_file
from edge_agent.line import Line
from edge_agent.outbox import Batch, Outbox
from edge_agent.recording import read_rows
from edge_agent.replay import Occurrence, Outcome, Ticket, replay, tickets
from edge_agent.watch import Watch
from tests.flows.replay_hub import hub_tickets

DATA = Path(__file__).resolve().parent.parent / "data" / "nab"
FILE = DATA / "machine_temperature_system_failure.csv"
RULES = DATA / "rules.yaml"
WINDOWS = DATA / "windows.json"


class CountingBank(DataBank):  # type: ignore[misc]  # pyModbusTCP carries no types
    """The server's registers; counts the reads that reach it."""

    reads = 0

    def get_input_registers(self, address: int, number: int = 1, srv_info: object = None) -> object:
        """As the base class, counted when it comes from the network."""
        if srv_info is not None:
            self.reads += 1
        return super().get_input_registers(address, number, srv_info)


@dataclass(frozen=True)
class Polled:
    """What came of polling: events from the outbox, readings that differ from the file, requests at the server."""

    outcome: Outcome
    events: list[UplinkEvent]
    differing: int
    requests: int
    troubles: list[str]
    took_s: float


async def poll(config: EdgeConfig, folder: Path, limit: int | None = None) -> Polled:
    """Serve the file row by row and let the edge's engine read each; `limit` rows at most."""
    rows = list(read_rows(FILE, [config.points[0].id]))[:limit]
    point = config.points[0].id
    bank = CountingBank()
    server = ModbusServer(host="127.0.0.1", port=_free_port(), no_block=True, data_bank=bank)
    server.start()
    begun = time.monotonic()
    clock = DataClock(rows[0][0])
    outbox = Outbox(folder / "outbox.db", config.edge, clock.wall())

    def commit(batch: Batch) -> None:
        outbox.commit([batch], clock.wall())

    watch = Watch(clock, commit)
    device = config.devices[0]
    assert isinstance(device, ModbusTcpDevice)
    here = device.model_copy(update={"port": server.port, "host": "127.0.0.1"})
    config = config.model_copy(update={"devices": [here]})
    watch.configure(config)
    troubles: list[str] = []

    def health(device_id: str, state: str, code: str, detail: str, _params: dict[str, str]) -> None:
        if state != "ok" or code:
            troubles.append(f"{device_id} {state} {detail}")

    line = Line([(here, config.points)], watch, health, clock)
    differing = backwards = 0
    try:
        for at, values in rows:
            if at < clock.wall():
                backwards += 1
            else:
                clock.set(at)
            watch.tick()
            wanted = struct.pack(">f", values[point])
            bank.set_input_registers(0, struct.unpack(">HH", wanted))
            await line.scan_once()
            channel = watch.channel(point)
            read = struct.pack(">f", channel.value if isinstance(channel.value, float) else float("nan"))
            differing += channel.quality is not Quality.GOOD or read != wanted
        watch.flush()
        stored = outbox.between(1, outbox.last_seq, 500, 64 << 20)
        events = [UplinkEvent.model_validate_json(body) for _seq, body in stored]
    finally:
        line.close()
        server.stop()
        outbox.close()
    return Polled(
        Outcome(_occurrences(events), len(rows), backwards),
        events,
        differing,
        bank.reads,
        troubles,
        time.monotonic() - begun,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _occurrences(events: list[UplinkEvent]) -> list[Occurrence]:
    found: dict[str, Occurrence] = {}
    for event in events:
        body = event.body
        if isinstance(body, AlarmRaised):
            found[body.occurrence] = Occurrence(body.rule, body.severity, body.raised_at, body.value)
        elif isinstance(body, AlarmCleared):
            one = found[body.occurrence]
            found[body.occurrence] = Occurrence(
                one.rule, one.severity, one.raised_at, one.value, body.cleared_at
            )
    return sorted(found.values(), key=lambda one: one.raised_at)


@dataclass(frozen=True)
class Window:
    """A labelled window; `label` is the moment in its middle that the benchmark's authors named."""

    start: datetime
    end: datetime

    @property
    def label(self) -> datetime:
        return self.start + (self.end - self.start) / 2


@dataclass(frozen=True)
class Score:
    """Which tickets were opened in which window, and which outside all of them."""

    caught: dict[Window, list[Ticket]]
    outside: list[Ticket]

    @property
    def missed(self) -> list[Window]:
        """Windows in which no ticket was opened."""
        return [window for window, inside in self.caught.items() if not inside]


def windows() -> list[Window]:
    """The labelled windows of the file; its times are taken as UTC, as those of the readings."""
    pairs = json.loads(WINDOWS.read_text("utf-8"))[FILE.name]
    return [Window(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in pair)) for pair in pairs]


def score(made: list[Ticket]) -> Score:
    """A ticket belongs to the window in which it was opened. One that was open before does not count as caught."""
    caught: dict[Window, list[Ticket]] = {window: [] for window in windows()}
    outside = []
    for ticket in made:
        inside = [window for window in caught if window.start <= ticket.opened_at <= window.end]
        for window in inside:
            caught[window].append(ticket)
        if not inside:
            outside.append(ticket)
    return Score(caught, outside)


def report(config: EdgeConfig, scored: Score) -> str:
    """The figures as people read them."""
    names: Mapping[str, str] = {rule.id: rule.name for rule in config.rules}
    lines = []
    for number, (window, inside) in enumerate(scored.caught.items(), 1):
        lines.append(
            f"window {number}  {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}  "
            + ("CAUGHT" if inside else "MISSED")
        )
        for ticket in inside:
            hours = (window.label - ticket.opened_at).total_seconds() / 3600
            lead = (
                f"{hours:.1f} h before the labelled moment"
                if hours >= 0
                else f"{-hours:.1f} h after the labelled moment"
            )
            lines.append(f"    {ticket.opened_at:%Y-%m-%d %H:%M}  {names[ticket.rule]}  ({lead})")
    lines.append(f"outside all windows (false): {len(scored.outside)}")
    lines += [f"    {ticket.opened_at:%Y-%m-%d %H:%M}  {names[ticket.rule]}" for ticket in scored.outside]
    total = sum(len(inside) for inside in scored.caught.values()) + len(scored.outside)
    caught = len(scored.caught) - len(scored.missed)
    lines.append(
        f"{total} tickets in 78 days: {caught} of {len(scored.caught)} windows caught, {len(scored.outside)} false"
    )
    return "\n".join(lines)


def differences(polled: Polled, in_memory: Outcome) -> list[str]:
    """What polling over Modbus did otherwise than stepping in memory; empty when nothing."""
    found = list(polled.troubles)
    if polled.differing:
        found.append(f"{polled.differing} readings differ from the file")
    if polled.requests != in_memory.rows:
        found.append(f"{polled.requests} requests for {in_memory.rows} rows")

    def moments(outcome: Outcome) -> list[tuple[str, datetime, datetime | None]]:
        return [(one.rule, one.raised_at, one.cleared_at) for one in outcome.occurrences]

    if moments(polled.outcome) != moments(in_memory):
        found.append(f"raises differ: {moments(polled.outcome)} against {moments(in_memory)}")
    return found


def run(folder: Path) -> tuple[EdgeConfig, Polled, list[Ticket], list[str]]:
    """Polls, lets the hub make its tickets, and lists what differs from stepping in memory (nothing should)."""
    config = from_file(RULES)
    polled = asyncio.run(poll(config, folder))
    hub = folder / "hub"
    hub.mkdir()
    made = hub_tickets(polled.events, config.edge, config.devices[0].asset, hub)
    in_memory = replay(config.rules, read_rows(FILE, [config.points[0].id]))
    found = differences(polled, in_memory)
    if [(t.rule, t.opened_at) for t in made] != [
        (t.rule, t.opened_at) for t in tickets(in_memory.occurrences)
    ]:
        found.append(f"tickets differ: the hub made {made}")
    return config, polled, made, found


def main() -> int:
    """Exit code 0 when polling, hub and memory agree, 1 when not."""
    log.configure("WARNING")
    with tempfile.TemporaryDirectory() as folder:
        config, polled, made, found = run(Path(folder))
    print(report(config, score(made)))
    print(
        f"polled {polled.requests} rows over Modbus TCP in {polled.took_s:.1f} s "
        f"({polled.requests / polled.took_s:.0f} readings a second); {len(polled.events)} events in the outbox; "
        f"{polled.outcome.backwards} rows earlier than the one before"
    )
    same = "polling lost nothing: values, raises, clears and tickets equal those stepped in memory"
    print("\n".join(found) or same)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
