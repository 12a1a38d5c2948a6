"""Light and dark: the palette of every role, icons that follow, colours far enough from their ground."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QPushButton

from desktop import theme


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2.2 contrast ratio."""

    def light(colour: QColor) -> float:
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_can_be_read_on_their_ground(app: QApplication, mode: theme.Mode) -> None:
    theme.apply(mode)
    try:
        for ground in ("base", "window", "alternate"):
            for meaning in ("text", "muted", "bad", "warn", "good", "info", "accent"):
                ratio = contrast(theme.colour(meaning), theme.colour(ground))
                assert ratio >= 4.4, f"{meaning} on {ground} in {mode}: {ratio:.2f}"
        for meaning in ("bad", "warn", "good", "info"):
            assert contrast(theme.colour(meaning), theme.colour(f"{meaning}_soft")) >= 4.0, (meaning, mode)
        assert contrast(theme.colour("rail_text"), theme.colour("rail")) >= 4.5
    finally:
        theme.apply("light")


def test_icons_change_with_the_theme(app: QApplication) -> None:
    button = QPushButton()
    theme.set_icon(button, "wrench", "text")
    before = button.icon().pixmap(24, 24).toImage()
    theme.apply("dark")
    after = button.icon().pixmap(24, 24).toImage()
    theme.apply("light")
    assert before != after
    assert app.palette().color(QPalette.ColorRole.Base) == theme.colour("base")


def test_every_icon_name_used_exists(app: QApplication) -> None:
    import re
    from pathlib import Path

    source = "\n".join(file.read_text(encoding="utf-8") for file in Path("desktop").rglob("*.py"))
    named = set(re.findall(r'"([a-z]+(?:-[a-z0-9]+)+)"', source))
    known = theme._glyphs().charmap["mdi6"]
    likely = {
        name for name in named if re.search(r"-(outline|circle|alert|check|off|right|left|up|down)$", name)
    }
    assert sorted(name for name in likely if name not in known) == []
