"""Logins of a broker: edges and the hub itself, or lines of a file. Knows topics, not how a broker works."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from core.errors import AppError
from core.services import fleet
from core.wire import topics


def covers(pattern: str, name: str) -> bool:
    """Whether a topic pattern with + and # covers a topic, or all that a filter asks for."""
    wanted, asked = pattern.split("/"), name.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(asked):
            return False
        if asked[index] == "#" or level not in ("+", asked[index]):
            return False
    return len(wanted) == len(asked)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what a user may publish and subscribe to."""

    password: str
    publish: tuple[str, ...] = ("#",)
    subscribe: tuple[str, ...] = ("#",)


class FileLogins:
    """`user:password [pub=TOPIC,…] [sub=TOPIC,…]`, one a line; without topics all of them; # begins a remark."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self._entries = entries

    @classmethod
    def read(cls, file: Path) -> FileLogins:
        """AppError `broker.no_passwords` or `broker.bad_line`."""
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise AppError("broker.no_passwords", f"{file}: {error}", file=file, reason=error) from error
        entries = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            user, entry = _parse(line, number, file)
            entries[user] = entry
        return cls(entries)

    def check(self, username: str, password: str) -> bool:
        """Whether this is the user's password."""
        entry = self._entries.get(username)
        if entry is None:
            return False
        if entry.password.startswith("$7$"):
            _, _, rounds, salt, _ = entry.password.split("$")
            again = fleet.broker_hash(password, base64.b64decode(salt), int(rounds))
            return secrets.compare_digest(again, entry.password)
        return secrets.compare_digest(entry.password.encode(), password.encode())

    def may(self, username: str, topic: str, publish: bool) -> bool:
        """Whether one of the user's patterns covers the topic."""
        entry = self._entries.get(username)
        if entry is None:
            return False
        return any(covers(pattern, topic) for pattern in (entry.publish if publish else entry.subscribe))


def _parse(line: str, number: int, file: Path) -> tuple[str, Entry]:
    words = line.split()
    user, colon, password = words[0].partition(":")
    rights = {}
    for word in words[1:]:
        name, equals, patterns = word.partition("=")
        if name not in ("pub", "sub") or not equals:
            colon = ""
        rights[name] = tuple(pattern for pattern in patterns.split(",") if pattern)
    if not (user and colon and password):
        raise AppError(
            "broker.bad_line",
            f"{file}: line {number} is not user:password [pub=…] [sub=…]",
            file=file,
            line=number,
        )
    return user, Entry(password, rights.get("pub", ("#",)), rights.get("sub", ("#",)))


class HubLogins:
    """Who comes to the hub's own broker: the hub, its edges, and third parties of a file if there is one."""

    def __init__(self, username: str, password: str, others: FileLogins | None = None) -> None:
        self._username = username
        self._password = password
        self._others = others

    def check(self, username: str, password: str) -> bool:
        """Whether this is their password."""
        if username == self._username:
            return secrets.compare_digest(self._password.encode(), password.encode())
        if self._others is not None and self._others.check(username, password):
            return True
        return fleet.check_login(username, password)

    def may(self, username: str, topic: str, publish: bool) -> bool:
        """The hub everything of ours, an edge its own topics, a third party what its line says."""
        if username == self._username:
            return covers(f"{topics.ROOT}/#", topic)
        if topics.may(username, topic, publish):
            return True
        return self._others is not None and _theirs(topic) and self._others.may(username, topic, publish)


def _theirs(topic: str) -> bool:
    """Third parties have topics of their own and the intake of alarms, never an edge's or what would match one."""
    return topic.startswith(f"{topics.ROOT}/in/") or topic.split("/", 1)[0] not in ("+", "#", "fettle")
