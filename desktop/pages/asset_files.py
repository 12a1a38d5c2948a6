"""Documents and photos of one asset: thumbnails, adding by button or drop, opening."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import QFileDialog, QListView, QListWidget, QListWidgetItem, QStackedLayout, QWidget

from core.errors import AppError, FettleError
from core.i18n import _
from core.wire.assets import AssetView, FileView
from desktop import theme
from desktop.widgets.basics import EmptyState, button, column, row, text_label
from desktop.widgets.page import Page

PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".bmp", ".gif"}
_FILE = Qt.ItemDataRole.UserRole
_THUMB = QSize(150, 112)


def kind_of(file: Path) -> str:
    """photo or document, by the ending; the hub looks inside."""
    return "photo" if file.suffix.lower() in PHOTOS else "document"


class AssetFiles(QWidget):
    """`changed` is called after a file was added."""

    def __init__(self, page: Page, changed: Callable[[], None]) -> None:
        super().__init__()
        self._page = page
        self._changed = changed
        self._asset: AssetView | None = None
        self._thumbs: dict[int, QIcon] = {}
        may_edit = page.shell.may("asset.edit")
        self.setAcceptDrops(may_edit)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Documents and photos"))
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(_THUMB)
        self.list.setGridSize(QSize(_THUMB.width() + 24, _THUMB.height() + 50))
        self.list.setWordWrap(True)
        self.list.itemActivated.connect(lambda item: self.open_file(item.data(_FILE)))
        self.add = button(_("Add file"), self.on_add, "paperclip")
        self.add.setVisible(may_edit)
        self.open = button(_("Open"), self.on_open, "open-in-new")
        self.list.itemSelectionChanged.connect(self._on_picked)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(
            EmptyState(
                "file-document-outline",
                _("No documents or photos yet"),
                _("Drop manuals, drawings or photos here, or add them by the button."),
            )
        )
        self._stack.addWidget(self.list)
        whole = column(margins=(0, 8, 0, 0), spacing=8)
        whole.addLayout(row(text_label(_("Enter opens a file."), "muted"), None, self.open, self.add))
        whole.addWidget(body, 1)
        self.setLayout(whole)
        self._on_picked()

    def show_asset(self, asset: AssetView | None) -> None:
        """Show the files of this asset."""
        self._asset = asset
        files = asset.files if asset is not None else []
        self.list.clear()
        for file in files:
            item = QListWidgetItem(self._icon(file), file.name)
            item.setData(_FILE, file)
            item.setToolTip(
                f"{file.name}\n{file.size / 1024:.0f} KiB · {file.added_at.astimezone():%Y-%m-%d} · {file.added_by}"
            )
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            self.list.addItem(item)
        self._stack.setCurrentIndex(1 if files else 0)
        self._on_picked()

    def on_add(self) -> None:
        """Choose files to add."""
        names, _kind = QFileDialog.getOpenFileNames(self, _("Add documents or photos"), str(Path.home()))
        self.add_files([Path(name) for name in names])

    def on_open(self) -> None:
        """Open what is selected."""
        for item in self.list.selectedItems():
            self.open_file(item.data(_FILE))

    def add_files(self, files: list[Path]) -> None:
        """Send these to the hub; the first that it refuses stops the rest and is named."""
        asset, hub = self._asset, self._page.hub
        if asset is None or not files:
            return

        def send() -> int:
            for file in files:
                try:
                    content = file.read_bytes()
                except OSError as error:
                    reason = error.strerror or str(error)
                    raise AppError("file.unreadable", str(error), file=file.name, reason=reason) from None
                hub.add_asset_file(asset.id, file.name, content, kind_of(file))
            return len(files)

        self.add.setEnabled(False)
        self._page.run(send, lambda _n: self._on_added(), self._on_refused)

    def open_file(self, file: FileView) -> None:
        """Fetch a file and hand it to the program of this computer that shows such files."""

        def fetch() -> Path:
            folder = Path(tempfile.mkdtemp(prefix="fettle-"))
            place = folder / Path(file.name.replace("\\", "/")).name
            place.write_bytes(self._page.hub.file(file.id))
            return place

        self._page.run(fetch, _show_file)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        self.add_files([path for path in paths if path.is_file()])

    def _on_refused(self, error: FettleError) -> None:
        self._page.tell(error)
        self._on_added()  # those before it are there

    def _on_added(self) -> None:
        self.add.setEnabled(True)
        self._changed()

    def _on_picked(self) -> None:
        self.open.setEnabled(bool(self.list.selectedItems()))

    def _icon(self, file: FileView) -> QIcon:
        if file.id in self._thumbs:
            return self._thumbs[file.id]
        if file.kind == "document":
            return theme.icon("file-pdf-box" if file.media_type == "application/pdf" else "file-outline")
        file_id = file.id
        self._page.run(
            lambda: self._page.hub.file(file_id, thumb=True), lambda data: self._on_thumb(file_id, data)
        )
        return theme.icon("image-outline")

    def _on_thumb(self, file_id: int, content: bytes) -> None:
        picture = QPixmap()
        if not picture.loadFromData(content):
            return
        self._thumbs[file_id] = QIcon(picture)
        for at in range(self.list.count()):
            item = self.list.item(at)
            if item.data(_FILE).id == file_id:
                item.setIcon(self._thumbs[file_id])


def _show_file(place: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))
