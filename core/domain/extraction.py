"""What can be read out of a report as people write it: asset numbers, serials, telephone numbers, addresses.

Everything found is a proposal with its place in the text; nobody acts on it silently. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

What = Literal["asset", "serial", "phone", "email"]
_MOST_CHARS = 20_000
_SHORTEST_SERIAL = 4
# A mobile number of mainland China, a landline with its area code (and extension), or a number from abroad.
_PHONES = re.compile(
    r"(?<![0-9A-Za-z+])(?:"
    r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
    r"|0\d{2,3}[- ]?\d{7,8}(?:\s?(?:转|-|ext\.?)\s?\d{1,5})?"
    r"|\+\d{1,3}(?:[- ]?\d{2,8}){2,4}"
    r")(?!\d)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![\w-])", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/#-]{1,38}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Found:
    """`text[start:end]` names `value`: the id of an asset as text, or the number or address as it is dialled."""

    what: What
    value: str
    start: int
    end: int


def key(code: str) -> str:
    """How a number is compared: without case, blanks, dashes and the width that a keyboard gave it."""
    return re.sub(r"[^0-9a-z]", "", unicodedata.normalize("NFKC", code).casefold())


def extract(text: str, assets: Mapping[str, int], serials: Mapping[str, int]) -> list[Found]:
    """All of them in order; no two overlap.

    `assets`, `serials`: `key` of a number → id. Short serials are left out: they would be found everywhere.
    """
    text = _same_width(text[:_MOST_CHARS])
    found = [Found("email", m[0].lower(), m.start(), m.end()) for m in _EMAIL.finditer(text)]
    _add(found, [Found("phone", _dialled(m[0]), m.start(), m.end()) for m in _PHONES.finditer(text)])
    codes = list(_CODE.finditer(text))
    named = [(m, key(m[0])) for m in codes]
    _add(found, [Found("asset", str(assets[k]), m.start(), m.end()) for m, k in named if k in assets])
    long = [(m, k) for m, k in named if len(k) >= _SHORTEST_SERIAL and any(c.isdigit() for c in k)]
    _add(found, [Found("serial", str(serials[k]), m.start(), m.end()) for m, k in long if k in serials])
    return sorted(found, key=lambda item: item.start)


def _add(found: list[Found], more: list[Found]) -> None:
    """Those that overlap nothing found before: an asset's number inside an address is none."""
    before = list(found)
    found += [new for new in more if all(new.end <= old.start or old.end <= new.start for old in before)]


def _same_width(text: str) -> str:
    """Full-width letters and digits as plain ones, character by character, so that places stay."""
    return "".join(
        chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else " " if c == "\u3000" else c for c in text
    )


def _dialled(number: str) -> str:
    main, mark, extension = number.partition("转")
    if not mark:
        main, mark, extension = re.sub(r"(?i)\s?ext\.?\s?", "转", number).partition("转")
    digits = re.sub(r"[^\d+]", "", main)
    mobile = re.fullmatch(r"\+?86(1[3-9]\d{9})", digits)
    digits = mobile[1] if mobile else digits
    return f"{digits}-{extension.strip()}" if mark else digits
