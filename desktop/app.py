"""Puts the console together: settings, theme, language, single instance, then first run, log-in and main window."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QSettings, Qt, QTranslator
from PySide6.QtGui import QIcon
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from core import __version__, i18n, log
from core.errors import AppError, FettleError, OutsideError, Unauthenticated
from core.i18n import _
from core.paths import ASSETS, private_dir
from core.settings import ConsoleSettings
from core.wire.people import LoggedIn, Me
from desktop import tasks, theme
from desktop.first_run import Chosen, FirstRun
from desktop.hub_client import HubClient, normal_address
from desktop.local_hub import LocalHub
from desktop.log_in import KeptSession, LogInDialog
from desktop.main_window import MainWindow

_log = log.get(__name__)


class Console(QObject):
    """The running console. `start` shows the first thing to see; nothing happens before."""

    def __init__(self, settings: ConsoleSettings, local_hub: LocalHub | None = None) -> None:
        super().__init__()
        self.settings = settings
        private_dir(settings.data_dir)
        self.store = QSettings(str(settings.data_dir / "console.ini"), QSettings.Format.IniFormat)
        self.kept = KeptSession(settings.data_dir)
        self.local_hub = local_hub or LocalHub()
        self.window: MainWindow | None = None
        self.dialog: QDialog | None = None
        self.hub: HubClient | None = None
        self._me: Me | None = None
        self._qt_words = QTranslator(self)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        app.setQuitOnLastWindowClosed(False)
        app.lastWindowClosed.connect(self._on_last_closed)
        app.aboutToQuit.connect(self.shut)

    def dress(self) -> None:
        """Theme, font and language as the settings say."""
        i18n.use(str(self.store.value("ui/language", "")) or system_language())
        self._app.removeTranslator(self._qt_words)
        if i18n.current() == "zh_CN":
            folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
            if self._qt_words.load("qtbase_zh_CN", folder):
                self._app.installTranslator(self._qt_words)
        QLocale.setDefault(QLocale("zh_CN" if i18n.current() == "zh_CN" else "en_GB"))
        mode = str(self.store.value("ui/theme", "system"))
        size = self.store.value("ui/font_pt", theme.DEFAULT_FONT_PT)
        theme.apply(next((m for m in theme.MODES if m == mode), "system"), _as_points(size))
        self._app.setWindowIcon(QIcon(str(ASSETS / "icons" / "fettle.svg")))

    def keep_crashes(self) -> None:
        """Errors of our own in slots go to the log and to `crash.log`, and are told; the window goes on."""

        def keep(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            text = "".join(traceback.format_exception(kind, error, trace))
            _log.error("an error of our own", exc_info=(kind, error, trace))
            file = self.settings.data_dir / "crash.log"
            with file.open("a", encoding="utf-8") as out:
                out.write(f"{datetime.now(UTC).isoformat()} fettle {__version__}\n{text}\n")
            if self.window is not None:
                self.window.toast(
                    _("An error of the console itself; {file} tells more.").format(file=file), bad=True
                )

        sys.excepthook = keep

    def start(self) -> None:
        """Go as far as possible without asking: to the main window when a session is kept."""
        self.dress()
        address = self.settings.hub_url or str(self.store.value("hub/address", ""))
        if self.store.value("hub/local", "false") in (True, "true") and not self.settings.hub_url:
            self._start_local(address)
        elif address:
            self._meet(address)
        else:
            self.ask_hub()

    def _start_local(self, address: str) -> None:
        tasks.run(
            self.local_hub.ensure,
            lambda running: self._meet(running.url),
            lambda error: self.ask_log_in(HubClient(address or "127.0.0.1:8750"), error),
            self,
        )

    # ---- which hub, who

    def ask_hub(self) -> None:
        """The first-run wizard."""
        wizard = FirstRun(self.local_hub, str(self.store.value("hub/address", "")))
        wizard.chosen.connect(self._on_hub_chosen)
        wizard.language_chosen.connect(self._on_first_language)
        self._show_dialog(wizard)

    def _on_first_language(self, language: str) -> None:
        self.store.setValue("ui/language", language)
        self.dress()
        self.ask_hub()

    def _on_hub_chosen(self, chosen: Chosen) -> None:
        self.store.setValue("hub/address", chosen.address)
        self.store.setValue("hub/local", chosen.local)
        if chosen.logged_in is None:
            self._meet(chosen.address)
        else:
            self._use(HubClient(chosen.address))
            self._on_logged_in(chosen.logged_in, True)

    def _meet(self, address: str) -> None:
        try:
            address = normal_address(address)
        except AppError:
            self.ask_hub()
            return
        self.store.setValue("hub/address", address)
        hub = HubClient(address, self.kept.load(address))
        self._use(hub)
        if not hub.token:
            self.ask_log_in(hub)
            return
        tasks.run(hub.who_am_i, self.show_main, lambda error: self._on_unknown(hub, error), self)

    def _use(self, hub: HubClient) -> None:
        old, self.hub = self.hub, hub
        if old is not None and old is not hub:
            old.close()

    def _on_unknown(self, hub: HubClient, error: FettleError) -> None:
        if isinstance(error, Unauthenticated):
            self.kept.forget()
            hub.token = ""
        self.ask_log_in(hub, error if isinstance(error, OutsideError) else None)

    def ask_log_in(self, hub: HubClient, trouble: FettleError | None = None) -> None:
        """The log-in dialog for one hub."""
        self._use(hub)
        dialog = LogInDialog(hub, str(self.store.value("hub/login", "")), trouble)
        dialog.logged_in.connect(self._on_logged_in)
        dialog.other_hub.connect(self.ask_hub)
        self._show_dialog(dialog)

    def _on_logged_in(self, answer: LoggedIn, keep: bool) -> None:
        assert self.hub is not None
        self.hub.token = answer.token
        self.store.setValue("hub/login", answer.me.login)
        if keep:
            self.kept.keep(self.hub.address, answer.token)
        else:
            self.kept.forget()
        self.show_main(answer.me)

    # ---- the main window

    def show_main(self, me: Me, cursor: int = -1) -> None:
        """A new main window in the place of everything else."""
        assert self.hub is not None
        self._me = me
        old = self.window
        self.window = MainWindow(self.hub, me, self.store)
        self.window.leave.connect(self._on_leave, Qt.ConnectionType.QueuedConnection)
        self.window.restyled.connect(self._on_restyled, Qt.ConnectionType.QueuedConnection)
        self.window.show()
        self.window.begin(cursor)
        self._close(old)
        self._show_dialog(None)

    def _on_restyled(self) -> None:
        """Words cannot be changed in place: a new window with the same page, from the same cursor."""
        if self.window is None or self._me is None or not self.window.may_leave():
            return
        self.window.shut()
        self.dress()
        self.show_main(self._me, self.window.feed.cursor)

    def _on_leave(self) -> None:
        hub, window = self.hub, self.window
        if hub is None or window is None:
            return
        self.window = None
        window.shut()
        self.kept.forget()
        gone = hub.another()

        def log_out() -> None:
            try:
                gone.log_out()
            finally:
                gone.close()

        tasks.run(log_out, None, None, self)
        hub.token = ""
        self.ask_log_in(hub)
        self._close(window)

    def _show_dialog(self, dialog: QDialog | None) -> None:
        old, self.dialog = self.dialog, dialog
        if dialog is not None:
            dialog.rejected.connect(self._on_last_closed)
            dialog.show()
        self._close(old)

    def _close(self, widget: QWidget | None) -> None:
        if widget is not None:
            widget.hide()
            widget.deleteLater()

    def _on_last_closed(self) -> None:
        visible = [w for w in (self.window, self.dialog) if w is not None and w.isVisible()]
        if not visible:
            self._app.quit()

    def raise_window(self) -> None:
        """Come to the front: the program was started a second time."""
        front = self.window or self.dialog
        if front is not None:
            front.setWindowState(front.windowState() & ~Qt.WindowState.WindowMinimized)
            front.raise_()
            front.activateWindow()

    def shut(self) -> None:
        """End everything that runs; harmless twice."""
        if self.window is not None:
            self.window.shut()
        tasks.finish()
        self.store.sync()
        if self.hub is not None:
            self.hub.close()
        self.local_hub.stop()


class SingleInstance(QObject):
    """One console per data folder: the second one asks the first to come to the front."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._name = "fettle-console-" + hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
        self._server: QLocalServer | None = None

    def is_first(self, called: Callable[[], None]) -> bool:
        """False when another console runs (it has been told); else `called` at each later start."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(300):
            socket.write(b"show")
            socket.waitForBytesWritten(300)
            socket.disconnectFromServer()
            return False
        QLocalServer.removeServer(self._name)
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        if not server.listen(self._name):
            _log.warning("single instance not possible", reason=server.errorString())
            return True

        def on_connection() -> None:
            connection = server.nextPendingConnection()
            if connection is not None:
                connection.disconnected.connect(connection.deleteLater)
                called()

        server.newConnection.connect(on_connection)
        self._server = server
        return True


def system_language() -> str:
    """The language of the desktop session; the environment wins."""
    if os.environ.get("FETTLE_LANGUAGE"):
        return i18n.from_environment()
    return i18n.normalise(QLocale.system().uiLanguages()[0] if QLocale.system().uiLanguages() else "")


def _as_points(value: object) -> float:
    try:
        return min(20.0, max(7.0, float(str(value))))
    except ValueError:
        return theme.DEFAULT_FONT_PT
