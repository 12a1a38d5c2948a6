"""What the console's tests share: a real hub with the sample plant, an application without a screen, a shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import httpx
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication, QWidget

from core import i18n
from core.wire.people import LoggedIn, Me, SetUp
from core.wire.uplink import AlarmCleared, AlarmRaised, ChartFrozen, JoinEdge, UplinkBatch, UplinkEvent
from desktop import tasks, theme
from desktop.hub_client import HubClient
from desktop.local_hub import LocalHub
from desktop.main_window import MainWindow

PASSWORD = "a quiet morning in the plant"


class Plant:
    """A running hub with the sample plant, its administrator, and an edge that can raise alarms over HTTP."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        self.local = LocalHub(folder, port=0, mqtt_port=0)
        self.language = language
        self.address = self.local.ensure().url
        client = HubClient(self.address)
        answer = client.set_up(
            SetUp(
                code=self.local.setup_code() or "",
                plant="Test plant",
                language=language,
                name="Ada",
                login="ada",
                password=PASSWORD,
                sample=language,
            )
        )
        self.token = answer.token
        self.me: Me = answer.me
        client.close()
        self.client = HubClient(self.address, self.token)
        self._edge: tuple[str, str, str] | None = None
        self._seq = 0

    def open(self) -> HubClient:
        """Another connection of the same person."""
        return HubClient(self.address, self.token)

    def send(self, *bodies: object, at: datetime | None = None) -> None:
        """Deliver events as an edge would, over HTTP; returns when they are committed."""
        if self._edge is None:
            # Tests make edges of their own: the sample plant's is meant.
            edge = next(edge for edge in self.client.edges() if edge.edge_id == "plant-1")
            code = self.client.join_code(edge.id).code
            joined = httpx.post(
                f"{self.address}/api/v1/edges/join",
                json=JoinEdge(code=code, host="test", agent_version="1").model_dump(mode="json"),
            )
            joined.raise_for_status()
            self._edge = (joined.json()["edge"], joined.json()["password"], uuid4().hex)
        name, password, epoch = self._edge
        now = at or datetime.now(UTC)
        events = []
        for body in bodies:
            self._seq += 1
            events.append(UplinkEvent(seq=self._seq, at=now, body=body))
        batch = UplinkBatch(edge=name, epoch=epoch, sent_at=now, events=events)
        answer = httpx.post(
            f"{self.address}/api/v1/edges/{name}/uplink",
            content=batch.model_dump_json(),
            auth=(name, password),
            timeout=30,
        )
        answer.raise_for_status()
        assert answer.json()["through"] == self._seq, answer.text

    def raise_alarm(
        self, asset_at: int = 0, rule: str = "rule-1", value: float = 92.5, chart: bool = False
    ) -> str:
        """Raise an alarm on an asset; gives its occurrence."""
        asset = self.client.assets()[asset_at].number
        now = datetime.now(UTC)
        occurrence = uuid4().hex
        bodies: list[object] = [
            AlarmRaised(
                occurrence=occurrence, rule=rule, rule_name="Bearing too hot", asset=asset, point="p1",
                point_name="Bearing temperature", severity="critical", value=value, limit=85.0, unit="°C",
                raised_at=now,
            )
        ]  # fmt: skip
        if chart:
            offsets = list(range(-600_000, 120_001, 1_000))
            bodies.append(
                ChartFrozen(
                    occurrence=occurrence, rule=rule, point="p1", point_name="Bearing temperature", unit="°C",
                    raised_at=now, limit=85.0, offsets_ms=offsets,
                    values=[70 + 15 * max(0.0, 1 + ms / 600_000) + (ms // 1000 % 7) * 0.3 for ms in offsets],
                )
            )  # fmt: skip
        self.send(*bodies, at=now)
        return occurrence

    def clear_alarm(self, occurrence: str, asset_at: int = 0, rule: str = "rule-1") -> None:
        """The alarm is over."""
        asset = self.client.assets()[asset_at].number
        now = datetime.now(UTC) + timedelta(milliseconds=1)
        self.send(
            AlarmCleared(occurrence=occurrence, rule=rule, asset=asset, value=60.0, cleared_at=now), at=now
        )


@pytest.fixture(scope="session")
def app() -> Iterator[QApplication]:
    """The one application of a test process, dressed in the light theme."""
    found = QApplication.instance()
    made = found if isinstance(found, QApplication) else QApplication([])
    made.setQuitOnLastWindowClosed(False)
    theme.apply("light")
    yield made
    tasks.finish()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Tests read English words unless they say otherwise."""
    i18n.use("en")
    yield
    i18n.use("zh_CN")


@pytest.fixture
def until(app: QApplication) -> Callable[..., object]:
    """Let the application work until a condition holds."""
    from tests.conftest import wait_for

    def wait(condition: Callable[[], object], timeout_s: float = 15.0) -> object:
        def look() -> object:
            app.processEvents()
            return condition()

        return wait_for(look, timeout_s)

    return wait


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A real hub, shared by the tests of a process; tests make their own tickets in it."""
    made = Plant(tmp_path_factory.mktemp("hub"))
    yield made
    made.client.close()
    made.local.stop()


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """The console's settings in an own file."""
    return QSettings(str(tmp_path / "console.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(
    app: QApplication, plant: Plant, store: QSettings, until: Callable[..., object]
) -> Iterator[MainWindow]:
    """A real main window at the real hub, listening."""
    hub = plant.open()
    made = MainWindow(hub, plant.me, store)
    made.resize(1440, 900)
    made.show()
    made.begin()
    until(lambda: made.feed.is_online)
    yield made
    made.close()
    dispose(app, made)
    hub.close()


def dispose(app: QApplication, widget: QWidget) -> None:
    """Really delete a widget, so that nothing of it answers in the next test."""
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    app.processEvents()


def logged_in(plant: Plant) -> LoggedIn:
    """The administrator's log-in."""
    return LoggedIn(token=plant.token, me=plant.me)
