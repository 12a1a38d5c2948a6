"""`./dev bench labels`: a thousand labels as PDF, beside qrcode's own pictures drawn one by one into reportlab."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO

import qrcode
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from core.domain import labels as domain
from core.hub import labels as printing
from core.services.labels import Label, _new_token
from core.wire.assets import PrintLabels

COUNT = 1000


def labels() -> list[Label]:
    """A thousand different labels with Chinese names."""
    made = []
    for n in range(COUNT):
        token = _new_token()
        payload = domain.payload("https://fettle.example.cn", token)
        name = f"数控车床 CK6150 主轴单元 {n % 40}"
        made.append(Label(payload, domain.grouped(token), f"A-{n:05d}", name, "东莞工厂 / 二车间 / 一号线"))
    return made


def ours(preset: str) -> Callable[[list[Label]], bytes]:
    """Our own drawing on one preset."""
    wanted = PrintLabels(asset_ids=[1], preset=preset)
    return lambda made: printing.pdf(made, wanted, "zh_CN")


def pictures(made: list[Label]) -> bytes:
    """The usual way: a PIL picture per code, each put on the page with two lines of text."""
    printing._use_font()
    out = BytesIO()
    canvas = Canvas(out, pagesize=(210 * mm, 297 * mm), pageCompression=1)
    for n, label in enumerate(made):
        place = n % 24
        if place == 0 and n:
            canvas.showPage()
        x, y = (place % 3) * 70 * mm, (297 - 4.5 - 36 * (place // 3 + 1)) * mm
        picture = qrcode.make(label.payload, error_correction=qrcode.constants.ERROR_CORRECT_M)
        canvas.drawImage(ImageReader(picture.get_image()), x, y + 4 * mm, 28 * mm, 28 * mm)
        canvas.setFont(printing.FONT, 11)
        canvas.drawString(x + 30 * mm, y + 25 * mm, label.name)
        canvas.drawString(x + 30 * mm, y + 18 * mm, label.number)
    canvas.save()
    return out.getvalue()


def main() -> None:
    """Print seconds (wall and processor) and megabytes of each way."""
    printing._use_font()
    made = labels()
    ways = {
        **{f"fettle {sheet.id}": ours(sheet.id) for sheet in printing.presets()},
        "qrcode's pictures in reportlab": pictures,
    }
    print(f"{COUNT} labels{'':28}wall s   CPU s      MB")
    for name, way in ways.items():
        started, used = time.perf_counter(), time.process_time()
        pdf = way(made)
        wall, cpu = time.perf_counter() - started, time.process_time() - used
        print(f"{name:38}{wall:8.2f}{cpu:8.2f}{len(pdf) / 1e6:8.2f}")


if __name__ == "__main__":
    main()
