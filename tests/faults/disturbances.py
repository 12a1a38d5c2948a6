"""What can happen to a plant: kills, cut and spoiled lines, a database put back; each leaves it to `Rig.up` to heal."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable

from tests.conftest import wait_for
from tests.faults.judge import Judge
from tests.faults.prefork import Program
from tests.faults.reporter import Reporter
from tests.faults.rig import COILS, Rig


class Disturbances:
    """All of them for one rig, chosen and timed by `chance`."""

    def __init__(self, rig: Rig, judge: Judge, chance: random.Random) -> None:
        self.rig, self.judge, self.chance = rig, judge, chance
        self.kills = self.cuts = 0
        self.reporter: Reporter | None = None
        self.weighted: list[tuple[int, Callable[[], None]]] = [
            (6, self.kill_edge),
            (6, self.kill_hub),
            (2, self.kill_all),
            (3, self.kill_while_starting),
            (3, self.kill_while_draining),
            (2, self.kill_twice),
            (4, self.deaf),
            (2, self.reset),
            (1, self.refuse),
            (1, self.delay),
            (1, self.slow),
            (1, self.half_open),
            (1, self.nothing),
        ]
        if rig.broker is not None:
            self.weighted += [(4, self.kill_broker), (2, self.broker_restarts_empty)]
        if rig.postgres is not None:
            self.weighted += [(2, self.kill_connections), (1, self.kill_database)]
        else:
            self.weighted += [(1, self.hub_put_back)]

    def choose(self) -> Callable[[], None]:
        """One of them."""
        weights, kinds = zip(*self.weighted, strict=True)
        return self.chance.choices(kinds, weights)[0]

    def toggle(self) -> None:
        """Some alarms come, some go."""
        self.rig.switch(self.chance.sample(range(COILS), self.chance.randint(1, 12)))

    def pause(self, most_s: float) -> None:
        """The moment is left to chance; this waits for nothing."""
        time.sleep(self.chance.uniform(0, most_s))

    def kill(self, program: Program) -> None:
        """With -9; what the edge had acknowledged must be there now."""
        program.kill()
        self.kills += 1
        if self.rig.postgres is None or self.rig.postgres.runs:
            self.judge.acknowledged_is_kept()

    # -- what can happen

    def nothing(self) -> None:
        """Only alarms."""

    def kill_edge(self) -> None:
        self.kill(self.rig.edge)
        self.pause(0.1)

    def kill_hub(self) -> None:
        self.kill(self.chance.choice(self.rig.hubs))
        self.pause(0.2)

    def kill_all(self) -> None:
        """Power for the whole cabinet, but for the disks."""
        if self.rig.broker is not None:
            self.rig.broker.kill()
        for program in self.chance.sample(self.rig.programs, len(self.rig.programs)):
            self.kill(program)

    def kill_broker(self) -> None:
        assert self.rig.broker is not None
        self.rig.broker.kill()
        self.kills += 1
        self.pause(0.2)

    def broker_restarts_empty(self) -> None:
        """It is disposable: what it holds is gone, the others stay."""
        assert self.rig.broker is not None
        for _ in range(2):
            self.rig.broker.kill()
            self.rig.broker.start()
            self.pause(0.1)
        self.kills += 2

    def kill_twice(self) -> None:
        """Both ends, one after the other."""
        for program in self.chance.sample(self.rig.programs, 2):
            self.kill(program)
            self.pause(0.1)

    def kill_while_starting(self) -> None:
        """Killed again before it has come up."""
        program = self.chance.choice(self.rig.programs)
        self.kill(program)
        program.start()
        self.pause(0.4)
        self.kill(program)

    def kill_while_draining(self) -> None:
        """Much has gathered while the hub was away; somebody dies while it is brought in."""
        for hub in self.rig.hubs:
            self.kill(hub)
        for _ in range(3):
            self.toggle()
            self.pause(0.1)
        for hub in self.rig.hubs:
            hub.start()
        self.pause(0.6)
        self.kill(self.chance.choice(self.rig.programs))

    def deaf(self) -> None:
        """Between commit and acknowledgement: events arrive, acknowledgements do not, and all is sent again."""
        line = self.chance.choice(self.rig.lines)
        if line is self.rig.edge_line:
            line.weather.dumb_down = True
        else:
            line.weather.dumb_up = True
        self.toggle()
        time.sleep(0.15)
        self.pause(0.3)
        if self.chance.random() < 0.5:
            self.kill(self.chance.choice(self.rig.hubs))
        self._cut()

    def reset(self) -> None:
        self.chance.choice(self.rig.lines).reset()
        self._cut()

    def refuse(self) -> None:
        line = self.chance.choice(self.rig.lines)
        line.weather.refuse = True
        line.reset()
        self.pause(0.5)
        self._cut()

    def delay(self) -> None:
        self.chance.choice(self.rig.lines).weather.delay_s = self.chance.uniform(0.01, 0.2)
        self.toggle()
        self.pause(0.5)
        self._cut()

    def slow(self) -> None:
        self.chance.choice(self.rig.lines).weather.bytes_s = self.chance.uniform(2000, 20_000)
        self.toggle()
        self.pause(0.5)
        self._cut()

    def half_open(self) -> None:
        """Nothing passes and nobody is told."""
        weather = self.chance.choice(self.rig.lines).weather
        weather.dumb_up = weather.dumb_down = True
        self.toggle()
        self.pause(0.6)
        self._cut()

    def kill_connections(self) -> None:
        assert self.rig.postgres is not None
        self.rig.postgres.kill_backends()
        self._cut()

    def kill_database(self) -> None:
        assert self.rig.postgres is not None
        self.rig.postgres.kill()
        self.kills += 1
        self.pause(0.2)

    def _cut(self) -> None:
        self.cuts += 1

    def hub_put_back(self) -> None:
        """The hub's database gives way to an older copy; without a further event all that it lacks comes again."""
        (hub,) = self.rig.hubs
        if (
            self.reporter is not None
        ):  # what people promised each other after the copy is gone with it, rightly
            self.reporter.pause()
        self.rig.up()
        self.judge.wait_drained()
        hub.kill()
        copy = self.rig.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        files = [self.rig.hub_file.with_name(self.rig.hub_file.name + suffix) for suffix in ("", "-wal")]
        for file in files:
            if file.exists():
                shutil.copy(file, copy)
        hub.start()
        self.toggle()
        self.judge.wait_drained()
        hub.kill()  # a hub notes how far it has come when it starts, and every ten seconds
        head = self.rig.of_hub("SELECT max(id) FROM journal_row")[0][0]
        hub.start()
        noted = self.rig.hub_file.with_name("journal-head")
        wait_for(lambda: int(noted.read_text() or 0) >= head, 20)
        hub.kill()
        for file in files:
            file.unlink(missing_ok=True)
            if (copy / file.name).exists():
                shutil.copy(copy / file.name, file)
        self.rig.hub_file.with_name("hub.db-shm").unlink(missing_ok=True)
        self.kills += 3
        self.rig.up()
        self.judge.wait_drained(also_in_hub=True)
        self.judge.check()
        if self.reporter is not None:
            self.reporter.go_on()
