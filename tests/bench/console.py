"""The console against its limits: first paint, a table of 1,000,000 tickets of a real hub, jumps in it, memory.

`./dev bench console` (needs about a minute to fill the hub's database). Beside each figure stands the same of
a bare window with a QTableView in the same run.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROWS = 1_000_000
JUMPS = 40
LIMITS = {"first paint": 1000, "table of 1,000,000 rows": 350, "jump": 20, "memory": 150}


def main() -> int:
    """Fill a hub, measure each thing in a process of its own, print the table."""
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(_CHILDREN[sys.argv[2]](*sys.argv[3:])))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        address, token, stop = _hub(Path(folder), ROWS)
        try:
            bare = [_child("bare") for _n in range(3)]
            console = [_child("console", address, token, folder) for _n in range(3)]
            million = _child("million", address, token, folder)
        finally:
            stop()
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; above 1 a core, times by the clock are long"
    )
    _row("", "Fettle", "limit", "bare window")
    paint, bare_paint = (statistics.median(c["paint_ms"] for c in runs) for runs in (console, bare))
    _row("first paint of the main window, ms", f"{paint:.0f}", "1000", f"{bare_paint:.0f}")
    paint_cpu, bare_cpu = (statistics.median(c["cpu_ms"] for c in runs) for runs in (console, bare))
    _row("… computing time of it, ms", f"{paint_cpu:.0f}", "", f"{bare_cpu:.0f}")
    _row(
        "… and its tickets on the screen, ms",
        f"{statistics.median(c['rows_ms'] for c in console):.0f}",
        "",
        "",
    )
    _row(f"ids of {ROWS:,} tickets from the hub, ms", f"{million['ids_ms']:.0f}", "", "")
    _row("from ids to rows on the screen, ms", f"{million['rows_ms']:.0f}", "350", "")
    _row(
        "jump to any row, median / worst ms",
        f"{million['jump_ms']:.1f} / {million['worst_ms']:.1f}",
        "20",
        "",
    )
    _row("jump to rows already known, ms", f"{million['known_ms']:.1f}", "20", "")
    _row("… computing time of it, ms", f"{million['known_cpu_ms']:.1f}", "20", "")
    _row("memory with 1,000,000 rows, MB", f"{million['rss_mb']:.0f}", "150", f"{bare[0]['rss_mb']:.0f}")
    return 0


def _row(what: str, ours: str, limit: str, other: str) -> None:
    print(f"{what:<48}{ours:>14}{limit:>8}{other:>13}")


def _hub(folder: Path, rows: int) -> tuple[str, str, Callable[[], None]]:
    from core.wire.tickets import CreateTicket
    from desktop.local_hub import LocalHub
    from tests.desktop.conftest import Plant

    plant = Plant(folder / "hub")
    asset = plant.client.assets()[0].id
    plant.client.create_ticket(CreateTicket(title="Pump hums", asset_id=asset))
    token = plant.token
    plant.client.close()
    plant.local.stop()
    _multiply(folder / "hub" / "hub.db", rows)
    local = LocalHub(folder / "hub", port=0, mqtt_port=0)
    return local.ensure().url, token, local.stop


def _multiply(database: Path, rows: int) -> None:
    """Copies of the one ticket, with own numbers, titles and times."""
    db = sqlite3.connect(database)
    names = [row[1] for row in db.execute("PRAGMA table_info(ticket_row)")]
    own = {
        "id": "t.id + n",
        "number": "printf('T-2026-%06d', n + 1)",
        "title": "'Pump ' || n || ' hums'",
        "priority": "1 + n % 4",
        "reported_at": "t.reported_at - n * 60000000",
        "request_id": "NULL",
        "open_key": "NULL",
        "progress_hash": "NULL",
    }
    values = ", ".join(own.get(name, f't."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    db.execute(
        f"WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < {rows - 1}) "
        f"INSERT INTO ticket_row ({columns}) SELECT {values} FROM ticket_row t, counter"
    )
    db.execute("ANALYZE")
    db.commit()
    db.close()


def _child(what: str, *args: str) -> dict[str, float]:
    environment = os.environ | {"BENCH_BEGAN": repr(time.time())}
    command = [sys.executable, "-m", "tests.bench.console", "--child", what, *args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _since_start_ms() -> float:
    return (time.time() - float(os.environ["BENCH_BEGAN"])) * 1000


def _rss_mb() -> float:
    """Most memory this program ever had. (ru_maxrss would count that of the program it was started from.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _bare() -> dict[str, float]:
    from PySide6.QtWidgets import QApplication, QTableView

    app = QApplication([])
    table = QTableView()
    table.resize(1440, 900)
    table.show()
    table.repaint()
    app.processEvents()
    return {"paint_ms": _since_start_ms(), "cpu_ms": time.process_time() * 1000, "rss_mb": _rss_mb()}


def _console(address: str, token: str, folder: str) -> dict[str, float]:
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from core import i18n
    from desktop import theme
    from desktop.hub_client import HubClient
    from desktop.main_window import MainWindow

    app = QApplication([])
    i18n.use("zh_CN")
    theme.apply("light")
    hub = HubClient(address, token)
    store = QSettings(f"{folder}/first.ini", QSettings.Format.IniFormat)
    store.setValue("window/page", "tickets")
    store.setValue("tickets/query", json.dumps({"q": "Pump 77777"}))
    window = MainWindow(hub, hub.who_am_i(), store)
    window.resize(1440, 900)
    window.show()
    window.begin()
    window.repaint()
    paint_ms, cpu_ms = _since_start_ms(), time.process_time() * 1000
    model = window.pages["tickets"].list.model  # type: ignore[attr-defined]
    _until(app, lambda: model.rowCount() > 0 and model.row_at(0) is not None)
    window.repaint()
    return {"paint_ms": paint_ms, "cpu_ms": cpu_ms, "rows_ms": _since_start_ms()}


def _million(address: str, token: str, folder: str) -> dict[str, float]:
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from core import i18n
    from desktop import theme
    from desktop.hub_client import HubClient
    from desktop.main_window import MainWindow
    from desktop.pages.ticket_filter import TicketQuery

    app = QApplication([])
    i18n.use("zh_CN")
    theme.apply("light")
    hub = HubClient(address, token)
    store = QSettings(f"{folder}/million.ini", QSettings.Format.IniFormat)
    store.setValue("tickets/query", json.dumps({"q": "no such ticket"}))
    window = MainWindow(hub, hub.who_am_i(), store)
    window.resize(1440, 900)
    window.show()
    page = window.open_page("tickets")
    listing, table = page.list, page.table  # type: ignore[attr-defined]
    _until(app, lambda: page._loaded)  # type: ignore[attr-defined]
    model = listing.model
    marks: dict[str, float] = {}
    model.modelAboutToBeReset.connect(lambda: marks.setdefault("ids", time.perf_counter()))
    began = time.perf_counter()
    page.show_query(TicketQuery(open=False))  # type: ignore[attr-defined]
    _until(app, lambda: model.rowCount() == ROWS and model.row_at(0) is not None)
    table.viewport().repaint()
    rows = time.perf_counter()

    def jump(at: int) -> float:
        start = time.perf_counter()
        table.scrollTo(model.index(at, 0), table.ScrollHint.PositionAtTop)
        if model.row_at(at) is None:
            _until(app, lambda: model.row_at(at) is not None)
        table.viewport().repaint()
        return (time.perf_counter() - start) * 1000

    places = [(n * 7_919_317) % (ROWS - 100) for n in range(1, JUMPS + 1)]
    cold = sorted(jump(at) for at in places)
    before = time.process_time()
    warm = [jump(at) for at in places[-20:]]
    known_cpu_ms = (time.process_time() - before) * 1000 / len(warm)
    return {
        "ids_ms": (marks["ids"] - began) * 1000,
        "rows_ms": (rows - marks["ids"]) * 1000,
        "jump_ms": statistics.median(cold),
        "worst_ms": cold[-1],
        "known_ms": statistics.median(warm),
        "known_cpu_ms": known_cpu_ms,
        "rss_mb": _rss_mb(),
    }


def _until(app: object, condition: Callable[[], bool], timeout_s: float = 60) -> None:
    from PySide6.QtCore import QCoreApplication, QEventLoop

    deadline = time.monotonic() + timeout_s
    while not condition():
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
        if time.monotonic() > deadline:
            raise SystemExit("not done in time")


_CHILDREN: dict[str, Callable[..., dict[str, float]]] = {
    "bare": _bare,
    "console": _console,
    "million": _million,
}

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the live threads of a child need no farewell
