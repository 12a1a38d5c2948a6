"""How the console looks: Fusion with our own light and dark palette, fonts, icons that follow the theme.

Colours are named by meaning (`colour("bad")`); pages never name a colour by value.
"""

from __future__ import annotations

import weakref
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QGuiApplication, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QStyleFactory
from shiboken6 import isValid

from core.paths import ASSETS

Mode = Literal["light", "dark", "system"]
MODES: tuple[Mode, ...] = ("light", "dark", "system")
FONTS = ["Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "PingFang SC"]
DEFAULT_FONT_PT = 9.5

_P = QPalette.ColorRole

_COLOURS: dict[str, tuple[str, str]] = {
    # meaning: (light, dark)
    "window": ("#f3f4f6", "#17191d"),
    "base": ("#ffffff", "#1e2126"),
    "alternate": ("#f8f9fb", "#22262c"),
    "raised": ("#ffffff", "#262a31"),
    "line": ("#d9dde3", "#363b44"),
    "text": ("#1b1f24", "#e4e7eb"),
    "muted": ("#667080", "#98a2b3"),
    "faint": ("#9aa3af", "#667080"),
    "accent": ("#1a62d6", "#4c8dff"),
    "on_accent": ("#ffffff", "#ffffff"),
    "selection": ("#d6e4fd", "#27406b"),
    "bad": ("#c62828", "#ff6b6b"),
    "bad_soft": ("#fde7e7", "#43262a"),
    "warn": ("#a85b00", "#f0a93a"),
    "warn_soft": ("#fdf0dc", "#3f3322"),
    "good": ("#1d7f45", "#4ac77e"),
    "good_soft": ("#e2f4e9", "#1f3a2a"),
    "info": ("#0b6aa8", "#58b4f0"),
    "info_soft": ("#e2f0fa", "#1d3448"),
    "scroll": ("#c3c9d2", "#454b56"),
    "rail": ("#20262e", "#111317"),
    "rail_text": ("#c5ccd6", "#aab3c0"),
}


class _Wearer(Protocol):
    def setIcon(self, icon: QIcon) -> Any: ...


class _Theme(QObject):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.dark = False
        self.mode: Mode = "system"
        self.font_pt = DEFAULT_FONT_PT
        self.wearers: list[tuple[weakref.ref[Any], str, str]] = []


_theme: _Theme | None = None


def theme() -> _Theme:
    """The one theme; its `changed` signal comes after every change."""
    global _theme
    if _theme is None:
        _theme = _Theme()
    return _theme


def is_dark() -> bool:
    return theme().dark


def colour(meaning: str) -> QColor:
    """The colour of a meaning in the current theme."""
    return QColor(_COLOURS[meaning][1 if theme().dark else 0])


@lru_cache(maxsize=64)
def brush(meaning: str) -> QBrush:
    """The same to paint with; for cells of tables."""
    return QBrush(colour(meaning))


def css(meaning: str) -> str:
    """The same as text for rich text and style sheets."""
    return _COLOURS[meaning][1 if theme().dark else 0]


def scaled(width: int) -> int:
    """A width in pixels meant for the usual font, in the font chosen."""
    return round(width * theme().font_pt / DEFAULT_FONT_PT)


def apply(mode: Mode = "system", font_pt: float = DEFAULT_FONT_PT) -> None:
    """Dress the whole application; safe to call again at any time."""
    app = QGuiApplication.instance()
    assert isinstance(app, QApplication)
    state = theme()
    state.mode = mode
    state.font_pt = font_pt
    system_dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
    state.dark = mode == "dark" or (mode == "system" and system_dark)
    app.setStyle(QStyleFactory.create("Fusion"))
    font = QFont()
    font.setFamilies(FONTS)
    font.setPointSizeF(font_pt)
    app.setFont(font)
    app.setPalette(_palette())
    app.setStyleSheet(_sheet())
    _drawn.cache_clear()
    _pictured.cache_clear()
    brush.cache_clear()
    alive = []
    for reference, name, meaning in state.wearers:
        wearer = reference()
        if wearer is not None and isValid(wearer):
            wearer.setIcon(icon(name, meaning))
            alive.append((reference, name, meaning))
    state.wearers = alive
    state.changed.emit()


def icon(name: str, meaning: str = "muted") -> QIcon:
    """An icon by its name in Material Design Icons (`wrench-outline`), in the colour of a meaning."""
    return _drawn(name, meaning)


@lru_cache(maxsize=512)
def _drawn(name: str, meaning: str) -> QIcon:
    return QIcon(_glyphs().icon(f"mdi6.{name}", color=css(meaning), color_disabled=css("faint")))


@lru_cache(maxsize=1)
def _glyphs() -> Any:
    """The one icon font we use; qtawesome's own entry loads all eleven (0.2 s and 30 MB)."""
    from qtawesome import iconic_font

    folder = Path(iconic_font.__file__).parent / "fonts"
    (font,) = folder.glob("materialdesignicons6-webfont-[0-9]*.ttf")
    (names,) = folder.glob("materialdesignicons6-webfont-charmap-*.json")
    return iconic_font.IconicFont(("mdi6", font.name, names.name))


def picture(name: str, meaning: str = "muted") -> QPixmap:
    """The same as a pixmap of the small size, drawn once; for cells of tables."""
    return _pictured(name, meaning, theme().font_pt)


@lru_cache(maxsize=512)
def _pictured(name: str, meaning: str, _font_pt: float) -> QPixmap:
    ratio = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    return _drawn(name, meaning).pixmap(icon_size(), ratio)


def set_icon(wearer: _Wearer, name: str, meaning: str = "muted") -> None:
    """Give a button or action an icon that changes with the theme."""
    wearer.setIcon(icon(name, meaning))
    theme().wearers.append((weakref.ref(wearer), name, meaning))


def icon_size() -> QSize:
    """The side of small icons at the current font size."""
    side = round(theme().font_pt * 1.75)
    return QSize(side, side)


def _palette() -> QPalette:
    palette = QPalette()
    for role, meaning in (
        (_P.Window, "window"),
        (_P.WindowText, "text"),
        (_P.Base, "base"),
        (_P.AlternateBase, "alternate"),
        (_P.Text, "text"),
        (_P.PlaceholderText, "faint"),
        (_P.Button, "raised"),
        (_P.ButtonText, "text"),
        (_P.BrightText, "bad"),
        (_P.ToolTipBase, "raised"),
        (_P.ToolTipText, "text"),
        (_P.Highlight, "selection"),
        (_P.HighlightedText, "text"),
        (_P.Link, "accent"),
        (_P.LinkVisited, "accent"),
        (_P.Accent, "accent"),
        (_P.Mid, "line"),
        (_P.Light, "raised"),
    ):
        palette.setColor(role, colour(meaning))
    for role in (_P.WindowText, _P.Text, _P.ButtonText, _P.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, colour("faint"))
    return palette


def _sheet() -> str:
    line, base, muted, accent, text = css("line"), css("base"), css("muted"), css("accent"), css("text")
    shade = "dark" if theme().dark else "light"
    down, up = (f"{(ASSETS / 'icons').as_posix()}/chevron-{way}-{shade}.svg" for way in ("down", "up"))
    check = (ASSETS / "icons" / "check.svg").as_posix()
    # No rules for items of tables and lists: they would make every cell four times as slow to paint.
    return f"""
    QToolTip {{ color: {text}; background: {css("raised")}; border: 1px solid {line}; padding: 4px; }}
    QTableView, QTreeView, QListView {{ border: 1px solid {line}; gridline-color: {line}; outline: 0; }}
    QHeaderView::down-arrow {{ image: url({down}); width: 10px; height: 10px; }}
    QHeaderView::up-arrow {{ image: url({up}); width: 10px; height: 10px; }}
    QHeaderView::section {{ background: {css("window")}; color: {muted}; border: 0; padding: 4px 6px;
        border-right: 1px solid {line}; border-bottom: 1px solid {line}; }}
    QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox, QDateEdit, QDateTimeEdit, QTimeEdit
        {{ background: {base}; border: 1px solid {line}; border-radius: 4px; padding: 3px 6px; }}
    QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus,
    QDoubleSpinBox:focus, QDateEdit:focus, QDateTimeEdit:focus {{ border: 1px solid {accent}; }}
    QLineEdit[bad="true"], QPlainTextEdit[bad="true"], QComboBox[bad="true"], QSpinBox[bad="true"],
    QDoubleSpinBox[bad="true"], QDateEdit[bad="true"], QListWidget[bad="true"] {{ border: 1px solid {css("bad")}; }}
    QComboBox::drop-down, QDateEdit::drop-down, QDateTimeEdit::drop-down {{ border: 0; width: 20px; }}
    QComboBox::down-arrow, QDateEdit::down-arrow, QDateTimeEdit::down-arrow, QSpinBox::down-arrow,
    QDoubleSpinBox::down-arrow, QTimeEdit::down-arrow {{ image: url({down}); width: 12px; height: 12px; }}
    QSpinBox::up-arrow, QDoubleSpinBox::up-arrow, QTimeEdit::up-arrow {{ image: url({up}); width: 12px; height: 12px; }}
    QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button,
    QTimeEdit::up-button, QTimeEdit::down-button
        {{ border: 0; width: 18px; background: transparent; }}
    QCheckBox::indicator, QListView::indicator, QTableView::indicator, QTreeView::indicator
        {{ width: 14px; height: 14px; border: 1px solid {css("faint")}; border-radius: 3px; background: {base}; }}
    QCheckBox::indicator:checked, QListView::indicator:checked, QTableView::indicator:checked,
    QTreeView::indicator:checked {{ background: {accent}; border-color: {accent}; image: url({check}); }}
    QTreeView::indicator:indeterminate {{ background: {css("selection")}; border: 1px solid {accent}; }}
    QCheckBox::indicator:focus, QCheckBox::indicator:hover {{ border-color: {accent}; }}
    QCheckBox::indicator:disabled {{ background: {line}; border-color: {line}; }}
    QPushButton {{ background: {css("raised")}; border: 1px solid {line}; border-radius: 4px; padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {accent}; }}
    QPushButton:focus {{ border: 1px solid {accent}; }}
    QPushButton:pressed {{ background: {css("selection")}; }}
    QPushButton:disabled {{ color: {css("faint")}; }}
    QPushButton[main="true"] {{ background: {css("accent")}; border-color: {accent}; color: {css("on_accent")}; }}
    QPushButton[main="true"]:disabled {{ background: {line}; border-color: {line}; color: {css("faint")}; }}
    QPushButton[chip="true"] {{ border-radius: 10px; padding: 2px 10px; color: {muted}; }}
    QPushButton[chip="true"]:checked {{ background: {css("selection")}; border-color: {accent}; color: {text}; }}
    QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 3px; }}
    QToolButton:hover, QToolButton:focus {{ border-color: {line}; background: {css("raised")}; }}
    QTabWidget::pane {{ border: 0; border-top: 1px solid {line}; }}
    QTabBar::tab {{ padding: 5px 12px; color: {muted}; border: 0; border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
    QTabBar::tab:focus {{ color: {accent}; }}
    QSplitter::handle {{ background: {line}; }}
    QSplitter::handle:horizontal {{ width: 1px; }}
    QSplitter::handle:vertical {{ height: 1px; }}
    QFrame#pane {{ background: {base}; }}
    QScrollBar:vertical {{ background: transparent; width: 11px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 11px; margin: 0; }}
    QScrollBar::handle {{ background: {css("scroll")}; border-radius: 4px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 28px; }}
    QScrollBar::handle:horizontal {{ min-width: 28px; }}
    QScrollBar::handle:hover {{ background: {css("faint")}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QStatusBar {{ border-top: 1px solid {line}; }}
    QStatusBar::item {{ border: 0; }}
    QScrollArea {{ border: 0; background: transparent; }}
    QScrollArea > QWidget > QWidget {{ background: transparent; }}
    QGroupBox {{ border: 1px solid {line}; border-radius: 6px; margin-top: 10px; padding-top: 8px; }}
    QGroupBox::title {{ subcontrol-origin: margin; left: 8px; padding: 0 4px; color: {muted}; }}
    QFrame[card="true"] {{ background: {base}; border: 1px solid {line}; border-radius: 6px; }}
    QLabel[role="title"] {{ font-size: {theme().font_pt * 1.55:.1f}pt; font-weight: 600; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    QLabel[role="muted"] {{ color: {muted}; }}
    QLabel[role="good"] {{ color: {css("good")}; }}
    QLabel[role="bad"] {{ color: {css("bad")}; }}
    QLabel[role="figure"] {{ font-size: {theme().font_pt * 2.3:.1f}pt; font-weight: 600; }}
    QFrame[banner="bad"] {{ background: {css("bad_soft")}; border: 0; border-bottom: 1px solid {css("bad")}; }}
    QFrame[banner="warn"] {{ background: {css("warn_soft")}; border: 0; border-bottom: 1px solid {css("warn")}; }}
    QFrame[toast="true"] {{ background: {css("rail")}; border-radius: 6px; }}
    QFrame[toast="true"] QLabel {{ color: #ffffff; }}
    QFrame[toast="bad"] {{ background: #a8231c; border-radius: 6px; }}
    QFrame[toast="bad"] QLabel {{ color: #ffffff; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    """
