"""Every sentence and every code has words in Chinese and English, with the same places to fill."""

from __future__ import annotations

import ast
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.catalog import Catalog

from core import errors
from core.i18n import LANGUAGES
from installer import translate
from installer.build_hook import compile_catalogues
from tests.unit.code_families import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
ERROR_CLASSES = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.FettleError)
}
TEMPLATE_LABEL = re.compile(r"""label\(\s*["']([\w.]+)["']""")


class Raised(NamedTuple):
    """One place where an error is made."""

    where: str
    codes: tuple[str, ...]
    params: frozenset[str] | None  # None: not all known by reading


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in ("core", "edge_agent", "desktop", "installer"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def strings(node: ast.expr) -> tuple[str, ...]:
    """The strings an expression can be, as far as reading tells; none when it does not."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.IfExp):
        return strings(node.body) + strings(node.orelse)
    return ()


def called(node: ast.Call) -> str:
    function = node.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


@cache
def raised() -> list[Raised]:
    """Every error made anywhere with its codes."""
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ERROR_CLASSES and node.args:
                params = {keyword.arg for keyword in node.keywords}
                known = None if None in params else frozenset(str(name) for name in params)
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append(Raised(where, strings(node.args[0]), known))
    return found


@cache
def codes(language: str) -> dict[str, str]:
    catalogue = translate.read(translate.catalogue_file("codes", language))
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def labels() -> Iterator[tuple[str, str, bool]]:
    """(where, code or its beginning, whole?) of every `label(…)` in code and templates."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and called(node) == "label" and node.args):
                continue
            where, first = f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]
            for text in strings(first):
                yield where, text, True
            if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                yield where, str(first.values[0].value), False
    for path in sorted((ROOT / "assets" / "templates").rglob("*.html")):
        for match in TEMPLATE_LABEL.finditer(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT)), match[1], not match[1].endswith(".")


@pytest.mark.parametrize("domain", translate.DOMAINS, ids=lambda domain: domain.name)
def test_every_sentence_has_chinese_with_the_same_places(domain: translate.Domain) -> None:
    assert translate.check(domain) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_member_of_every_family_has_a_name(language: str) -> None:
    wanted = {prefix + member for prefix, members in FAMILIES.items() for member in members}
    assert sorted(code for code in wanted if not codes(language).get(code)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_a_sentence(language: str) -> None:
    wanted = {f"error.{code}" for place in raised() for code in place.codes}
    assert sorted(code for code in wanted if not codes(language).get(code)) == []


def test_error_sentences_name_only_what_the_error_carries() -> None:
    faults = []
    for place in raised():
        for code in place.codes:
            for language in LANGUAGES:
                unknown = translate.places(codes(language).get(f"error.{code}", "")) - (place.params or set())
                if place.params is not None and unknown:
                    faults.append(f"{place.where}: {code} ({language}) wants {sorted(unknown)}")
    assert faults == []


def test_every_verb_of_the_journal_has_words() -> None:
    written = set()
    for _path, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "journal.write"
                and len(node.args) > 1
            ):
                written.update(strings(node.args[1]))
    assert len(written) > 20
    assert sorted(verb for verb in written if not codes("en").get(f"verb.{verb}")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_shown_has_words(language: str) -> None:
    faults = []
    for where, code, whole in labels():
        if whole and not codes(language).get(code):
            faults.append(f"{where}: {code}")
        elif not whole and not any(known.startswith(code) for known in codes(language)):
            faults.append(f"{where}: {code}…")
    assert faults == []


def test_codes_say_the_same_in_both_languages() -> None:
    chinese, english = codes("zh_CN"), codes("en")
    assert sorted(chinese.keys() ^ english.keys()) == []
    differ = [c for c in chinese if translate.places(chinese[c]) != translate.places(english[c])]
    assert differ == []
    assert [code for code in chinese if not chinese[code] or not english[code]] == []


def test_a_sentence_said_in_two_rooms_means_the_same() -> None:
    # All catalogues are looked through as one: the first that knows a sentence wins.
    said: dict[str, dict[str, str]] = {}
    for domain in ("codes", *(domain.name for domain in translate.DOMAINS)):
        for message in translate.read(translate.catalogue_file(domain, "zh_CN")):
            if message.id and message.string:
                said.setdefault(str(message.id), {})[domain] = str(message.string)
    assert {words: forms for words, forms in said.items() if len(set(forms.values())) > 1} == {}


@pytest.mark.parametrize("file", sorted((ROOT / "assets").glob("translations/*/LC_MESSAGES/*.po")), ids=str)
def test_no_entry_comes_twice(file: Path) -> None:
    ids = re.findall(r"^msgid (\".+\"(?:\n\".*\")*)", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert [entry for entry, times in Counter(ids).items() if times > 1] == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of one sentence, translated."""
    (tmp_path / "edge_agent").mkdir()
    (tmp_path / "edge_agent" / "cli.py").write_text('print(_("edge {name} joined"))\n', encoding="utf-8")
    file = translate.catalogue_file("edge", "zh_CN", tmp_path)
    file.parent.mkdir(parents=True)
    shutil.copy(translate.catalogue_file("edge", "zh_CN"), file)
    catalogue = Catalog(locale="zh_CN")
    catalogue.add("edge {name} joined", "边缘代理 {name} 已加入")
    with file.open("wb") as out:
        translate.write_po(out, catalogue)
    return tmp_path


EDGE = next(domain for domain in translate.DOMAINS if domain.name == "edge")


def test_a_complete_catalogue_has_no_faults(small: Path) -> None:
    assert translate.check(EDGE, small) == []
    assert [path.name for path in compile_catalogues(small)] == ["edge.mo"]
    assert compile_catalogues(small) == []


def test_a_new_sentence_is_missed_until_translated(small: Path) -> None:
    source = small / "edge_agent" / "cli.py"
    source.write_text(source.read_text(encoding="utf-8") + 'print(_("stopped"))\n', encoding="utf-8")
    assert "not collected yet: 'stopped'" in translate.check(EDGE, small)[0]
    translate.update(EDGE, small)
    assert "no translation of 'stopped'" in translate.check(EDGE, small)[0]


def test_a_sentence_no_longer_said_and_a_lost_place_are_found(small: Path) -> None:
    file = translate.catalogue_file("edge", "zh_CN", small)
    file.write_text(
        file.read_text(encoding="utf-8").replace("边缘代理 {name} 已加入", "已加入"), encoding="utf-8"
    )
    assert "has the places []" in translate.check(EDGE, small)[0]
    (small / "edge_agent" / "cli.py").write_text("", encoding="utf-8")
    assert "nothing says" in translate.check(EDGE, small)[0]


def test_no_sentence_hides_in_a_formatted_string() -> None:
    """Before Python 3.12 the collector cannot look into one, and the sentence would stay untranslated."""
    hidden = []
    for path in sorted(
        path for room in ("core", "edge_agent", "desktop") for path in (ROOT / room).rglob("*.py")
    ):
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(string, ast.JoinedStr):
                hidden += [
                    f"{path.relative_to(ROOT)}:{call.lineno}"
                    for call in ast.walk(string)
                    if isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name)
                    and call.func.id in ("_", "ngettext")
                    and isinstance(call.args[0], ast.Constant)
                ]
    assert hidden == []
