"""Which passwords anybody would try first. Length is the contract's business, hashing the services'."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

# Heads of the published lists of leaked passwords, reduced to their words: long ones are made of these.
_WORDS = (
    "password", "passw0rd", "p@ssw0rd", "p@ssword", "letmein", "welcome", "iloveyou", "woaini", "admin",
    "administrator", "qwertyuiop", "qwerty", "asdfghjkl", "asdfgh", "zxcvbnm", "zxcvbn", "1qaz2wsx", "qazwsx",
    "1q2w3e4r", "123qwe", "qwe123", "abc123", "a123456", "123456", "football", "baseball", "superman", "princess",
    "sunshine", "dragon", "monkey", "master", "shadow", "michael", "computer", "internet", "changeme", "default",
    "secret", "login", "root", "test", "guest", "user", "fettle", "factory", "maintenance", "gongchang", "mima",
)  # fmt: skip
_LEFT_OVER = 5  # so many characters beside known words are guessed in no time


def weakness(password: str, names: Iterable[str] = ()) -> str | None:
    """Why `password` is easily guessed: `repeated`, `sequence`, `name` or `common`; None when it is not.

    `names` are words that an attacker knows: the login, the person's and the plant's name.
    """
    plain = password.casefold()
    if _repeats(plain):
        return "repeated"
    if _runs(plain):
        return "sequence"
    known = [name.casefold().strip() for name in names]
    if any(len(name) >= 3 and name in plain and len(_without(plain, [name])) <= _LEFT_OVER for name in known):
        return "name"
    words = sorted((*_WORDS, *(name for name in known if len(name) >= 3)), key=len, reverse=True)
    if len(_without(plain, words)) <= _LEFT_OVER and _without(plain, words) != plain:
        return "common"
    return None


def _repeats(text: str) -> bool:
    """Made of one piece of up to four characters, over and over."""
    return any(text == (text[:n] * len(text))[: len(text)] for n in range(1, 5))


def _runs(text: str) -> bool:
    """Mostly neighbours such as abcdef or 987654."""
    steps = [abs(ord(b) - ord(a)) for a, b in pairwise(text)]
    return sum(step == 1 for step in steps) >= 0.75 * len(steps)


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text
