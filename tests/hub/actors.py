"""People of several roles for the tests of services, and settings of a hub in a scratch folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.domain.people import Actor, Role
from core.services import settings
from core.settings import HubSettings
from core.storage.tables import PersonRow, TicketRow


def person(name: str, *roles: Role, login: str | None = None) -> Actor:
    """Somebody who is in the database, as an actor."""
    row = PersonRow.create(name=name, roles=[role.value for role in roles], login=login)
    return Actor("person", row.id, name, frozenset(role.value for role in roles))


@contextmanager
def hub_in(folder: Path, url: str = "https://fettle.example.cn") -> Iterator[None]:
    """Start-up settings of a hub whose data lie in `folder`."""
    before = settings.hub()
    settings.use(HubSettings(data_dir=folder), url)
    try:
        yield
    finally:
        settings.use(before)


def ticket(number: str, asset_id: int | None = None, state: str = "new", **values: object) -> TicketRow:
    """A bare ticket row."""
    from tests.hub.conftest import NOW

    facts = {"type": "fault", "source": "console", "title": number, "priority": 3, "reported_at": NOW}
    return TicketRow.create(
        number=number, asset=asset_id, state=state, **{**facts, "updated_at": NOW, **values}
    )
