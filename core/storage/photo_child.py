"""The child process that decodes one photo: limits itself, draws it anew, and knows nothing of the hub.

Standard input: a JSON line with `most_pixels` and `formats`, then the photo. Standard output: a JSON line, then
the JPEG and its thumbnail. Started with `python -I`, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO

from PIL import Image, ImageOps

LARGEST_PX = 2560
THUMB_PX = 320
_MEMORY_BYTES = 1024 * 1024 * 1024
_CPU_S = 15


def _limit() -> None:
    if os.name != "posix":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _child() -> None:
    _limit()
    Image.MAX_IMAGE_PIXELS = None  # ours is stricter, and says what is wrong
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    with Image.open(BytesIO(content), formats=asked["formats"]) as opened:
        # Known from the header alone: nothing is decoded for a bomb.
        if opened.width * opened.height > asked["most_pixels"]:
            print(json.dumps({"fault": "too_many_pixels"}))
            return
        opened.draft("RGB", (LARGEST_PX, LARGEST_PX))
        opened.load()
        upright = ImageOps.exif_transpose(opened)
        flat = Image.new("RGB", upright.size, "white")
        if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
            with_alpha = upright.convert("RGBA")
            flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
        else:
            flat.paste(upright.convert("RGB"))
    flat.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
    thumb = flat.copy()
    thumb.thumbnail((THUMB_PX, THUMB_PX), Image.Resampling.LANCZOS)
    jpeg, small = _encoded(flat, 85), _encoded(thumb, 80)
    told = {"jpeg": len(jpeg), "width": flat.width, "height": flat.height}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + jpeg + small)


def _encoded(image: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, exif=b"", icc_profile=None)
    return out.getvalue()


if __name__ == "__main__":
    _child()
