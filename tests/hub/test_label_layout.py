"""Lines of a label never lie on each other, however long its words are, on every preset."""

from __future__ import annotations

import itertools

import pypdfium2
import pytest

from core.hub import labels
from core.services.labels import Label
from core.wire.assets import PrintLabels

PAYLOAD = "HTTPS://FETTLE.EXAMPLE.CN/Q/ABCDEFGHJKMNPQRSTUVWXYZ234"
CODE = ("ABCDE FGHJ KMNP", "QRSTU VWXY Z234")
LONG = [
    ("Moulding machine 1 barrel heating", "Plant 1 / Moulding shop / Moulding line 1"),
    ("一号注塑机料筒加热与温度控制装置（含热电偶）", "东海一厂区 / 注塑车间东侧 / 注塑一线后段"),
    ("Pump", "Yard"),
    ("Supercalifragilisticexpialidocious-compressor-station-number-seventeen", ""),
]


@pytest.mark.parametrize("preset", [preset.id for preset in labels.presets()])
@pytest.mark.parametrize("words", LONG, ids=lambda words: words[0][:12])
def test_no_line_covers_another(preset: str, words: tuple[str, str]) -> None:
    label = Label(payload=PAYLOAD, code=CODE, number="A-00003", name=words[0], location=words[1])
    pdf = labels.pdf([label], PrintLabels(asset_ids=[1], preset=preset), "en")
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    lines = sorted(
        (
            (bottom, top)
            for _left, bottom, _right, top in (text.get_rect(n) for n in range(text.count_rects()))
        ),
        reverse=True,
    )
    assert len(lines) >= 5
    for (upper_bottom, _top), (_bottom, lower_top) in itertools.pairwise(lines):
        assert lower_top <= upper_bottom + 0.6, lines  # points; descenders may touch ascenders, no more
