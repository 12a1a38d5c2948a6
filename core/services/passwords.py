"""Hashing of people's passwords: argon2id, few at once, the same time for accounts that do not exist."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.domain.passwords import weakness
from core.errors import AppError, OutsideError

# OWASP's parameters for argon2id: 46 MiB, two passes. Two at once bound the memory at 92 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
_slots = threading.BoundedSemaphore(2)
_WAIT_S = 15.0
_nobody = ""


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=_WAIT_S):
        raise OutsideError("login.busy", "too many log-ins at once")
    try:
        yield
    finally:
        _slots.release()


def hashed(password: str) -> str:
    """The argon2id hash of a password. Takes some 60 ms: never inside a transaction."""
    with _slot():
        return _hasher.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether `password` is the one `stored`; as slow when nothing is stored, so that nobody can tell."""
    global _nobody
    if not stored and not _nobody:
        _nobody = hashed("nobody has this password")
    with _slot():
        try:
            return _hasher.verify(stored or _nobody, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def refuse_weak(password: str, names: Iterable[str], field: str = "password") -> None:
    """AppError `password.<weakness>` when the password is among those tried first."""
    why = weakness(password, names)
    if why:
        raise AppError(
            f"password.{why}", f"the password is easily guessed: {why}", {field: f"password.{why}"}
        )
