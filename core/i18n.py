"""Words for people: gettext catalogues, Chinese first, English complete. Knows no screen.

Catalogues lie in `assets/translations/<language>/LC_MESSAGES/<domain>.po`, one domain per room
(`core` hub and ground, `edge`, `desktop`, `phone`, and `codes` for the names of states, errors and
other codes, which has an English catalogue too). All are looked through as one. `argparse` holds the
words of Python's own parser of command lines.
"""

from __future__ import annotations

import gettext
import os
from contextvars import ContextVar
from functools import lru_cache
from string import Formatter

from core.errors import FettleError
from core.paths import ASSETS

LANGUAGES = ("zh_CN", "en")
DOMAINS = ("codes", "core", "phone", "desktop", "edge")

_language: ContextVar[str] = ContextVar("fettle_language", default="zh_CN")


def normalise(tag: str | None) -> str:
    """The supported language nearest to a tag such as `zh-Hans-CN`, `en_GB.UTF-8` or an Accept-Language line."""
    for part in (tag or "").replace("_", "-").lower().split(","):
        if part.strip().startswith("zh"):
            return "zh_CN"
        if part.strip().startswith("en"):
            return "en"
    return "zh_CN"


def from_environment() -> str:
    """The language of this computer's user."""
    return normalise(os.environ.get("FETTLE_LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG"))


def use(language: str) -> None:
    """Speak `language` from here on in this context (a request, a thread, a program)."""
    _language.set(normalise(language))


def speak_on_the_command_line() -> None:
    """Take the environment's language for this program, and for what argparse itself says in it."""
    use(from_environment())
    # argparse asks the process-wide domain, in the languages that the environment names.
    gettext.bindtextdomain("argparse", str(ASSETS / "translations"))
    gettext.textdomain("argparse")
    os.environ["LANGUAGE"] = current()


def current() -> str:
    """The language spoken in this context."""
    return _language.get()


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = str(ASSETS / "translations")
    whole: gettext.NullTranslations | None = None
    for domain in DOMAINS:
        part = gettext.translation(domain, folder, [language], fallback=True)
        if whole is None:
            whole = part
        else:
            whole.add_fallback(part)
    assert whole is not None
    return whole


def _(message: str, language: str | None = None) -> str:
    """`message` (an English sentence) in the current or the given language."""
    return _catalogue(language or current()).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The form for `n` things."""
    return _catalogue(current()).ngettext(singular, plural, n)


def label(code: str, language: str | None = None) -> str:
    """The name of a code such as `ticket.state.new` or `error.asset.number_taken`; the code itself if unknown."""
    return _catalogue(language or current()).gettext(code)


def fill(sentence: str, params: dict[str, str]) -> str:
    """Put `params` into the `{name}` places of a sentence; unknown places stay; no expressions are evaluated."""
    parts = []
    for text, name, _spec, _conversion in Formatter().parse(sentence):
        parts.append(text)
        if name is not None:
            parts.append(params.get(name, f"{{{name}}}"))
    return "".join(parts)


def explain(error: FettleError, language: str | None = None) -> str:
    """What went wrong and what to do, in the user's language, from an error's code and params."""
    code = f"error.{error.code}"
    sentence = label(code, language)
    return error.detail if sentence == code else fill(sentence, _named(error.params, language))


def _named(params: dict[str, str], language: str | None) -> dict[str, str]:
    """Params that are codes of a family of their own name by their words: `action` ticket.edit is "Edit tickets"."""
    found = {}
    for key, value in params.items():
        words = label(f"{key}.{value}", language)
        found[key] = value if words == f"{key}.{value}" else words
    return found
