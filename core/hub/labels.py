"""Draws labels as PDF: sheets and rolls, QR codes as vector paths, names in any language. Knows no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from core.errors import AppError, NotFound
from core.i18n import _
from core.paths import ASSETS
from core.services.labels import Label
from core.wire.assets import LabelPreset, PrintLabels

rl_config.useA85 = 0  # plain compressed streams: a fifth smaller

FONT = "NotoSansSC"
LEAST_QR_MM = 16.0
LEAST_MODULE_MM = 0.5
_QUIET = 4  # modules of white around the code, as ISO 18004 wants
_LEAST_PT = 5.5
_LEADING = 1.22
_DARK = re.compile("1+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of labels; millimetres, margins from the top left corner."""

    id: str
    title: str
    page: tuple[float, float]
    label: tuple[float, float]
    grid: tuple[int, int]  # columns, rows
    margin: tuple[float, float] = (0.0, 0.0)
    gap: tuple[float, float] = (0.0, 0.0)
    name_pt: float = 11.0
    inset_mm: float = 2.0

    @property
    def places(self) -> int:
        return self.grid[0] * self.grid[1]


def _sheets() -> tuple[Sheet, ...]:
    a4 = (210.0, 297.0)
    return (
        Sheet("a4-3x8", _("A4 sheet, 24 labels of 70 × 36 mm"), a4, (70, 36), (3, 8), (0, 4.5), inset_mm=4.0),
        Sheet(
            "a4-2x5",
            _("A4 sheet, 10 labels of 99.1 × 57 mm"),
            a4,
            (99.1, 57),
            (2, 5),
            (4.65, 6),
            (2.6, 0),
            16,
            4.0,
        ),
        Sheet("roll-50x30", _("Roll, 50 × 30 mm"), (50, 30), (50, 30), (1, 1), name_pt=9, inset_mm=1.0),
    )


def presets() -> list[LabelPreset]:
    """The sheets and rolls that can be printed."""
    return [
        LabelPreset(
            id=sheet.id,
            name=sheet.title,
            width_mm=sheet.label[0],
            height_mm=sheet.label[1],
            columns=sheet.grid[0],
            rows=sheet.grid[1],
        )
        for sheet in _sheets()
    ]


def sheet_of(preset: str) -> Sheet:
    """A preset's measures; NotFound `label.no_preset`."""
    for sheet in _sheets():
        if sheet.id == preset:
            return sheet
    known = ", ".join(sheet.id for sheet in _sheets())
    raise NotFound(
        "label.no_preset", f"no preset {preset}", {"preset": "unknown"}, preset=preset, known=known
    )


def pdf(labels: Sequence[Label], wanted: PrintLabels, language: str | None = None) -> bytes:
    """The PDF of these labels. AppError `label.too_small` when a code could not be read, `label.start`."""
    sheet = sheet_of(wanted.preset)
    if wanted.start > sheet.places:
        raise AppError(
            "label.start",
            f"place {wanted.start} of {sheet.places}",
            {"start": "too_high"},
            places=sheet.places,
        )
    codes = Codes([label.payload for label in labels])
    side = min(sheet.label[1], sheet.label[0] * 0.6) - 2 * sheet.inset_mm
    module = min(side, sheet.label[1] - 2) / (codes.modules + 2 * _QUIET)
    # What surrounds the code on the label is white too, so its quiet zone may reach into the inset.
    qr_mm = module * codes.modules
    if module < LEAST_MODULE_MM or qr_mm < LEAST_QR_MM:
        raise AppError(
            "label.too_small",
            f"module {module:.2f} mm, code {qr_mm:.1f} mm",
            {"preset": "too_small"},
            size=f"{qr_mm:.1f}",
            least=f"{LEAST_QR_MM:.0f}",
            module=f"{module:.2f}",
            least_module=f"{LEAST_MODULE_MM}",
            characters=len(labels[0].payload),
        )
    _use_font()
    out = BytesIO()
    canvas = Canvas(out, pagesize=(sheet.page[0] * mm, sheet.page[1] * mm), pageCompression=1)
    canvas.setTitle(_("Labels", language))
    canvas.setAuthor("Fettle")
    hint = _("Scan to report a fault", language)
    for n, label in enumerate(labels, start=wanted.start - 1):
        place = n % sheet.places
        if place == 0 and n >= sheet.places:
            canvas.showPage()
        column, row = place % sheet.grid[0], place // sheet.grid[0]
        left = sheet.margin[0] + column * (sheet.label[0] + sheet.gap[0])
        top = sheet.margin[1] + row * (sheet.label[1] + sheet.gap[1])
        bottom = sheet.page[1] - top - sheet.label[1]
        _draw(canvas, sheet, label, (left, bottom), codes, module, hint)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw(
    canvas: Canvas,
    sheet: Sheet,
    label: Label,
    corner: tuple[float, float],
    codes: Codes,
    module: float,
    hint: str,
) -> None:
    width, height = sheet.label
    qr_mm = module * codes.modules
    quiet = module * _QUIET
    x = corner[0] + max(sheet.inset_mm, quiet)
    y = corner[1] + (height - qr_mm) / 2
    canvas.saveState()
    canvas.translate(x * mm, y * mm)
    canvas.scale(module * mm, module * mm)
    # Written straight into the page: one path of whole numbers; reportlab's own would spend most of its
    # time on formatting decimals.
    canvas.addLiteral(codes.path(label.payload))
    canvas.restoreState()
    text_x = x + qr_mm + quiet
    _write(canvas, sheet, label, (text_x, corner[1]), corner[0] + width - sheet.inset_mm - text_x, hint)


def _write(
    canvas: Canvas, sheet: Sheet, label: Label, corner: tuple[float, float], width_mm: float, hint: str
) -> None:
    """Name, number, place and code beside the QR code, from the top down."""
    x, width = corner[0] * mm, width_mm * mm
    top = (corner[1] + sheet.label[1] - sheet.inset_mm) * mm
    floor = (corner[1] + sheet.inset_mm) * mm
    size = sheet.name_pt
    while True:
        upper, foot = _lines(label, hint, size, width)
        if size <= _LEAST_PT or sum(pt * _LEADING for _line, pt in (*upper, *foot)) <= top - floor:
            break
        size = max(_LEAST_PT, size * 0.94)
    y = top
    for line, pt in upper:
        y -= pt * _LEADING
        canvas.setFont(FONT, pt)
        canvas.drawString(x, y + pt * 0.22, line)
    y = floor + sum(pt * _LEADING for _line, pt in foot)
    for line, pt in foot:
        y -= pt * _LEADING
        canvas.setFont(FONT, pt)
        canvas.drawString(x, y + pt * 0.22, line)


def _lines(
    label: Label, hint: str, size: float, width: float
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """What is written from the top down, and what stands at the foot, when the name begins at `size`."""
    name, number = _fitted(label.name, size, width, 2, 2), _fitted(label.number, size * 0.95, width, 1, 1)
    upper = [*name, *number, *_fitted(label.location, size * 0.65, width, 2)]
    code = [line for part in label.code for line in _fitted(part, size * 0.6, width, 1)]
    return upper, [*_fitted(hint, size * 0.65, width, 1), *code]


@lru_cache(maxsize=5000)
def _fitted(text: str, size_pt: float, width: float, lines: int, more: int = 0) -> list[tuple[str, float]]:
    """The text in so many lines: as large as it fits, then smaller; then in `more` lines; at last cut short.

    A line more is better than letters of less than two thirds.
    """
    for most in range(lines, lines + more + 1):
        size = size_pt
        least = _LEAST_PT if most == lines + more else max(_LEAST_PT, size_pt * 0.66)
        while True:
            found = list(_wrapped(text, size, width))
            if len(found) <= most:
                return [(line, size) for line in found]
            if size <= least:
                break
            size = max(least, size * 0.92)
    last = found[most - 1]
    while last and pdfmetrics.stringWidth(last + "…", FONT, size) > width:
        last = last[:-1]
    return [(line, size) for line in (*found[: most - 1], last + "…")]


def _wrapped(text: str, size: float, width: float) -> Iterator[str]:
    """Lines no wider than `width` points; broken at spaces where there are some, anywhere in Chinese."""
    line = ""
    for piece in _pieces(text):
        if line and pdfmetrics.stringWidth((line + piece).rstrip(), FONT, size) > width:
            yield line.rstrip()
            line = piece.lstrip()
        else:
            line += piece
        while pdfmetrics.stringWidth(line.rstrip(), FONT, size) > width and len(line) > 1:
            cut = len(line) - 1
            while cut > 1 and pdfmetrics.stringWidth(line[:cut], FONT, size) > width:
                cut -= 1
            yield line[:cut]
            line = line[cut:]
    if line.strip():
        yield line.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """Words with the space after them; each Chinese character by itself."""
    word = ""
    for c in text:
        if ord(c) >= 0x2E80:
            if word:
                yield word
                word = ""
            yield c
        else:
            word += c
            if c in " /-":
                yield word
                word = ""
    if word:
        yield word


@cache
def _use_font() -> None:
    pdfmetrics.registerFont(TTFont(FONT, str(ASSETS / "fonts" / "NotoSansSC_400Regular.ttf")))


class Codes:
    """QR codes of one print: version and mask are found once, for the longest payload, and used for all.

    Looking for the best of eight masks is nine tenths of the work, and any mask is readable.
    """

    def __init__(self, payloads: Sequence[str]) -> None:
        longest = max(payloads, key=len)
        code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0)
        code.add_data(longest, optimize=0)
        code.make(fit=True)
        self._version = code.version
        self._mask = code.best_mask_pattern()
        self.modules = code.modules_count

    def path(self, payload: str) -> str:
        """The dark modules as one filled PDF path of rectangles, in modules from below left.

        Sorted by shape, because that packs best: a page of one label is half as large as its text.
        """
        code = qrcode.QRCode(self._version, ERROR_CORRECT_M, border=0, mask_pattern=self._mask)
        code.add_data(payload, optimize=0)
        code.make(fit=False)
        done: list[tuple[int, int, int, int]] = []  # height, width, left, bottom
        growing: dict[tuple[int, int], int] = {}  # (left, width) of a run → the line on which it began
        for y, line in enumerate([*reversed(code.modules), []]):
            text = "".join(["1" if dark else "0" for dark in line])
            runs = {(run.start(), run.end() - run.start()) for run in _DARK.finditer(text)}
            for left, width in growing.keys() - runs:
                bottom = growing.pop((left, width))
                done.append((y - bottom, width, left, bottom))
            for run in runs:
                growing.setdefault(run, y)
        done.sort()
        return "\n".join([f"{x} {y} {w} {h} re" for h, w, x, y in done]) + " f"
