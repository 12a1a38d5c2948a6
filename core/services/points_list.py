"""Points as rows of a table that people write: headings, ways to say an address or a type, and back. No database."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from core.services.points_words import AREAS, HEADINGS, ORDERS, TYPES
from core.wire.edge_config import Reads

_FUNCTIONS = {
    1: "coil",
    2: "discrete",
    3: "holding",
    4: "input",
    5: "coil",
    6: "holding",
    15: "coil",
    16: "holding",
}
_FIRST_DIGIT = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_MISSING = {"": "", "none": "", "无": "", "sunspec": "sunspec", "sunspecacc": "sunspec_acc"}
_TRUE = {"1", "true", "yes", "y", "是", "√", "✓", "x", "rw", "r/w", "读写", "可写", "on", "启用"}
_FALSE = {"0", "false", "no", "n", "否", "r", "ro", "只读", "off", "停用", ""}


class Bad(Exception):
    """A cell that cannot be understood; `code` is of `field.<code>`."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


class Place(NamedTuple):
    """Where a value lies, as far as an address cell says it."""

    area: str | None
    address: int
    bit: int | None


def _keyed(table: Mapping[str, str]) -> dict[str, str]:
    found = {word: value for value, words in table.items() for word in words.split()}
    return found | {_bare(value): value for value in table}


def _bare(text: str) -> str:
    """A word without case, blanks, width and marks, as people type it in many ways."""
    return re.sub(r"[\s_\-./（）()\[\]:：]+", "", unicodedata.normalize("NFKC", text)).lower()


_TYPE_OF, _ORDER_OF, _AREA_OF = _keyed(TYPES), _keyed(ORDERS), _keyed(AREAS)
_COLUMN_OF = {
    _bare(word): column
    for column, (chinese, english, others) in reversed(HEADINGS.items())
    for word in (column, chinese, english, *others.split())
}


def column(heading: str) -> str | None:
    """Which column a heading names; None for none of ours."""
    bare = _bare(heading)
    return _COLUMN_OF.get(bare) or _COLUMN_OF.get(_bare(re.sub(r"[（(].*", "", heading)))


_MOST_DIGITS = 18  # Python refuses to read numbers of thousands
_ADDRESS = re.compile(
    r"(?P<area>.*?)[\s:：]*(?P<number>0x[0-9a-f]+|[0-9a-f]+h|\d+)(?:[.:：](?:bit)?(?P<bit>\d{1,2}))?", re.I
)


def place(text: str, area: str | None) -> Place:
    """Where `40001`, `holding 0`, `0x10`, `2100H`, `4x0001`, `HR 5` or `40001.3` is; `area`: of its own column.

    Five or six digits with no area are the notation of old controllers, counted from 1; with an area they are
    the address itself.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    plc = re.fullmatch(r"([0134])x0*([1-9]\d{0,4})(?:[.:](\d{1,2}))?", text, re.I)
    if plc and not (plc[1] == "0" and area is not None):
        return _checked(_FIRST_DIGIT[plc[1]], int(plc[2]) - 1, plc[3])
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise Bad("pattern", text)
    number, named = match["number"].lower(), match["area"].strip(" :：#")
    if len(number) > _MOST_DIGITS:
        raise Bad("out_of_range", text)
    if named:
        said = _AREA_OF.get(_bare(named))
        if said is None:
            raise Bad("unknown", named)
        area = said
    elif area is None and number.isdecimal() and 5 <= len(number) <= 6 and number[0] in _FIRST_DIGIT:
        return _checked(_FIRST_DIGIT[number[0]], int(number[1:]) - 1, match["bit"])
    if number.startswith("0x"):
        return _checked(area, int(number, 16), match["bit"])
    if number.endswith("h"):
        return _checked(area, int(number[:-1], 16), match["bit"])
    return _checked(area, int(number), match["bit"])


def _checked(area: str | None, address: int, bit: str | None) -> Place:
    if not 0 <= address <= 65_535 or (bit is not None and int(bit) > 15):
        raise Bad("out_of_range")
    return Place(area, address, None if bit is None else int(bit))


def parse(cells: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a row says, with texts for names of other things; raises BadCells naming all wrong ones."""
    found: dict[str, Any] = {}
    faults: dict[str, Bad] = {}
    for name, text in cells.items():
        if name == "address":
            continue
        try:
            found.update(_READERS[name](text))
        except Bad as bad:
            faults[name] = bad
    if cells.get("address"):
        try:
            where = place(cells["address"], found.get("area"))
        except Bad as bad:
            faults["address"] = bad
        else:
            found["address"] = where.address
            found |= {"area": where.area} if where.area else {}
            found |= {"bit": where.bit} if where.bit is not None else {}
    if faults:
        raise BadCells(faults)
    return found


class BadCells(Exception):
    """The cells of a row that cannot be understood, by column."""

    def __init__(self, faults: dict[str, Bad]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


def _number(text: str) -> float:
    text = unicodedata.normalize("NFKC", text).replace(" ", "")
    if "," in text and "." not in text:
        text = text.replace(",", ".", 1)
    try:
        number = float(text)
    except ValueError:
        raise Bad("invalid", text) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise Bad("out_of_range", text)
    return number


def _whole(text: str) -> int:
    number = _number(text)
    if not number.is_integer():
        raise Bad("invalid", text)
    return int(number)


def _flag(text: str) -> bool:
    bare = unicodedata.normalize("NFKC", text).strip().lower()
    if bare not in _TRUE | _FALSE:
        raise Bad("invalid", text)
    return bare in _TRUE


def _type(text: str) -> dict[str, Any]:
    sized = re.fullmatch(r"\s*(\D+?)\s*[\[(（](\d+)[\])）]\s*", text)
    if sized and len(sized[2]) <= _MOST_DIGITS and _TYPE_OF.get(_bare(sized[1])) == "string":
        return {"type": "string", "words": (int(sized[2]) + 1) // 2}
    return {"type": _known(_TYPE_OF, text)}


def _known(table: Mapping[str, str], text: str) -> str:
    found = table.get(_bare(text))
    if found is None:
        raise Bad("unknown", text)
    return found


def _area(text: str) -> dict[str, Any]:
    return {"area": _known(_AREA_OF, text)}


def _function(text: str) -> dict[str, Any]:
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", text)) or "0"
    area = _FUNCTIONS.get(int(digits[:3]))
    if area is None:
        raise Bad("unknown", text)
    return {"area": area}


def _words_of(text: str) -> dict[str, Any]:
    """`0=停止; 1=运行`: semicolons or line ends between, `=` or `:` inside; or JSON, for words with such signs."""
    words: dict[str, str] = {}
    if text.startswith("{"):
        try:
            return {"words_of": {str(number): str(word) for number, word in json.loads(text).items()}}
        except (ValueError, RecursionError):
            raise Bad("json", text) from None
    for part in re.split(r"[;；\n]+", text):
        if part.strip():
            pair = re.split(r"[=＝:：]", part, maxsplit=1)
            if len(pair) < 2 or not pair[0].strip() or not pair[1].strip():
                raise Bad("pattern", part.strip())
            words[pair[0].strip()] = pair[1].strip()
    return {"words_of": words}


def _field(name: str, read: Callable[[str], Any]) -> Callable[[str], dict[str, Any]]:
    """A reader of one field; an empty cell means the usual value."""
    usual = (
        Reads.model_fields[name].get_default(call_default_factory=True)
        if name in Reads.model_fields
        else None
    )
    return lambda text: {name: read(text) if text else usual}


_READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "name": lambda text: {"name": text},
    "unit": lambda text: {"unit": text},
    "asset": lambda text: {"asset": text},
    "scale_point": lambda text: {"scale_point": text},
    "topic": lambda text: {"topic": text},
    "path": lambda text: {"path": text},
    "area": lambda text: _area(text) if text else {},
    "function": lambda text: _function(text) if text else {},
    "type": lambda text: _type(text) if text else {"type": "uint16"},
    "words_of": _words_of,
    "order": _field("order", lambda text: _known(_ORDER_OF, text)),
    "missing": lambda text: {"missing": _known(_MISSING, text) if text else ""},
    "words": lambda text: {"words": _whole(text)} if text else {},
    "bit": _field("bit", _whole),
    "bits": _field("bits", _whole),
    "scale": _field("scale", _number),
    "offset": _field("offset", _number),
    "poll_ms": _field("poll_ms", _whole),
    "writable": lambda text: {"writable": _flag(text)},
    "write_low": _field("write_low", _number),
    "write_high": _field("write_high", _number),
    "active": lambda text: {"active": _flag(text) if text else True},
}


def shown(name: str, value: Any) -> str:
    """A field as a cell; empty for its usual value, where that is what an empty cell means."""
    if name == "words_of":
        text = "; ".join(f"{number}={word}" for number, word in value.items())
        try:
            same = bool(_words_of(text)["words_of"] == value)
        except Bad:
            same = False
        return text if same else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (name == "words" and value == 1):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
