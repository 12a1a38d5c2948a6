"""Collects the sentences of the code into the catalogues, compiles them, and tells which have no Chinese.

Knows where each domain's sentences come from; translating is for people. `--compile` only compiles,
`--check` changes nothing and fails on anything missing, so that `./dev check` and a test can use it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from installer.build_hook import compile_catalogues

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "ngettext": (1, 2)}

# Without dates and names, which would differ on every run.
HEADER = r"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Language: zh_CN\n"
"Plural-Forms: nplurals=1; plural=0;\n"

"""


@dataclass(frozen=True)
class Domain:
    """One catalogue and where its sentences are written: folders, and what is left out of them."""

    name: str
    sources: tuple[str, ...]
    without: tuple[str, ...] = ()


DOMAINS = (
    Domain("core", ("core", "assets/templates/mail", "assets/templates/print"), ("core/hub/phone",)),
    Domain("phone", ("core/hub/phone", "assets/templates/phone")),
    Domain("edge", ("edge_agent",)),
    Domain("desktop", ("desktop",)),
)


def catalogue_file(domain: str, language: str, root: Path = ROOT) -> Path:
    """Where the catalogue of `domain` lies."""
    return root / "assets" / "translations" / language / "LC_MESSAGES" / f"{domain}.po"


def read(file: Path) -> Catalog:
    """The catalogue in `file`; babel's error when it is not one."""
    with file.open("rb") as source:
        return read_po(source, locale=file.parts[-3], abort_invalid=True)


def collect(domain: Domain, root: Path = ROOT) -> Catalog:
    """Every sentence that the sources of `domain` give to `_` or `ngettext`, with the files that say it."""
    found = Catalog()
    for source in domain.sources:
        folder = root / source
        if not folder.is_dir():
            continue
        for name, _line, message, comments, context in extract_from_dir(
            folder,
            method_map=[("**.py", "python"), ("**.html", "jinja2.ext:babel_extract"), ("**.txt", "ignore")],
            options_map={"**.html": {"silent": "false", "extensions": "jinja2.ext.i18n"}},
            keywords=KEYWORDS,
            comment_tags=("translators:",),
        ):
            path = f"{source}/{name}".replace("\\", "/")
            if not path.startswith(tuple(f"{part}/" for part in domain.without)):
                found.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    return found


def update(domain: Domain, root: Path = ROOT) -> None:
    """Bring the Chinese catalogue of `domain` in step: new sentences empty, gone ones dropped."""
    file = catalogue_file(domain.name, "zh_CN", root)
    catalogue = read(file)
    catalogue.update(collect(domain, root), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    buffer = BytesIO()
    buffer.write(HEADER.encode())
    write_po(
        buffer,
        catalogue,
        width=110,
        sort_output=True,
        include_lineno=False,
        ignore_obsolete=True,
        omit_header=True,
    )
    if buffer.getvalue() != file.read_bytes():
        file.write_bytes(buffer.getvalue())


def places(sentence: str) -> set[str]:
    """The `{name}` places of a sentence; None-named ones do not count."""
    return {name for _text, name, _spec, _conversion in Formatter().parse(sentence) if name is not None}


def _forms(words: object) -> list[str]:
    return [str(word) for word in words] if isinstance(words, list | tuple) else [str(words or "")]


def faults_of(message: Message) -> Iterator[str]:
    """What is wrong with one translated message."""
    source, target = _forms(message.id), _forms(message.string)
    if not all(target):
        yield f"no translation of {source[0]!r}"
        return
    if message.fuzzy:
        yield f"unsure translation of {source[0]!r}"
    wanted = places(source[-1])
    for form in target:
        if places(form) != wanted:
            yield f"{form!r} has the places {sorted(places(form))}, but {source[0]!r} has {sorted(wanted)}"


def _keys(catalogue: Iterable[Message]) -> dict[tuple[str, ...], Message]:
    return {tuple(_forms(message.id)): message for message in catalogue if message.id}


def check(domain: Domain, root: Path = ROOT) -> list[str]:
    """What keeps the Chinese catalogue of `domain` from being complete and in step with the code."""
    file = catalogue_file(domain.name, "zh_CN", root)
    wanted, have = _keys(collect(domain, root)), _keys(read(file))
    faults = [
        f"{file.name}: not collected yet: {key[0]!r} ({_where(wanted[key])})" for key in wanted.keys() - have
    ]
    faults += [f"{file.name}: nothing says {key[0]!r} any more" for key in have.keys() - wanted]
    for key in sorted(wanted.keys() & have):
        faults += [f"{file.name}: {fault} ({_where(wanted[key])})" for fault in faults_of(have[key])]
    return faults


def _where(message: Message) -> str:
    return ", ".join(sorted({name for name, _line in message.locations}))


def main(argv: list[str] | None = None) -> int:
    """`./dev translate [--check | --compile] [DOMAIN …]`; 1 when something is missing."""
    args = sys.argv[1:] if argv is None else argv
    chosen = [domain for domain in DOMAINS if domain.name in args] or DOMAINS
    faults: list[str] = []
    if "--compile" not in args:
        for domain in chosen:
            if "--check" not in args:
                update(domain)
            faults += check(domain)
    if "--check" not in args:
        compile_catalogues(ROOT)
    for fault in faults:
        print(fault)
    if "--compile" not in args:
        print(f"translations: {len(faults)} missing or out of step" if faults else "translations: complete")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
