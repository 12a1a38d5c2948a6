"""Keeps the `passwords` and `acl` files of a Mosquitto up to date, and has it read them again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from core import log
from core.services import edge_watch, fleet
from core.wire import topics

logger = log.get("hub.mosquitto")


def acl(username: str) -> str:
    """The hub everything of ours; each edge, whose login is its id, its own topics."""
    lines = [f"user {username}", f"topic readwrite {topics.ROOT}/#", ""]
    lines += [f"pattern write {topics.topic('%u', channel)}" for channel in topics.FROM_EDGE]
    lines += [f"pattern read {topics.topic('%u', channel)}" for channel in topics.TO_EDGE]
    return "\n".join(lines) + "\n"


class MosquittoFiles:
    """The two files in one folder. A Mosquitto whose `pid_file` is `mosquitto.pid` there is told of changes."""

    def __init__(self, folder: Path, username: str, password: str) -> None:
        self._folder = folder
        self._username = username
        self._password = password
        self._written: dict[str, str] | None = None

    def update(self) -> bool:
        """Write them when the edges' logins have changed; whether they had. OSError when the folder is not ours."""
        edges = edge_watch.logins()
        if edges == self._written:
            return False
        logins = {**edges, self._username: fleet.broker_hash(self._password)}
        self._write("passwords", "".join(f"{name}:{stored}\n" for name, stored in sorted(logins.items())))
        self._write("acl", acl(self._username))
        self._written = edges
        self._reload()
        return True

    def _write(self, name: str, text: str) -> None:
        """Readable by the folder's group, which Mosquitto runs as; replaced whole."""
        target = self._folder / name
        new = target.with_name(name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if os.name == "posix":
            os.chown(new, -1, self._folder.stat().st_gid)
        os.replace(new, target)

    def _reload(self) -> None:
        try:
            os.kill(int((self._folder / "mosquitto.pid").read_text(encoding="utf-8")), signal.SIGHUP)
        except FileNotFoundError:
            logger.info("Mosquitto has to read its passwords again", how="systemctl reload mosquitto")
        except (OSError, ValueError) as error:
            logger.warning("Mosquitto could not be told to read its passwords", reason=str(error))
