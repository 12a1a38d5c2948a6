"""Fetching rows to show or change: the right error when one is missing or was changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.errors import Conflict, NotFound
from core.storage import queries
from core.storage.tables import EdgeRow, PersonRow, Row, VersionedRow
from core.wire.base import Ref


def get(model: type[Row], row_id: int, noun: str) -> Any:
    """The row `row_id`; NotFound `<noun>.not_found` otherwise."""
    row = queries.by_id(model, row_id)
    if row is None:
        raise NotFound(f"{noun}.not_found", f"no {noun} {row_id}", id=row_id)
    return row


def lock(model: type[Row], row_id: int, noun: str, version: int | None = None) -> Any:
    """The row, held until the running transaction ends; Conflict `<noun>.changed` unless it has `version`."""
    row = queries.by_id(model, row_id, hold=True)
    if row is None:
        raise NotFound(f"{noun}.not_found", f"no {noun} {row_id}", id=row_id)
    refuse_changed(row, noun, version)
    return row


def refuse_changed(row: Any, noun: str, version: int | None) -> None:
    """Conflict `<noun>.changed` unless the row has `version`, where one was given."""
    if version is not None and row.version != version:
        raise Conflict(
            f"{noun}.changed",
            f"{noun} {row.id} is at version {row.version}, not {version}",
            name=getattr(row, "name", "") or getattr(row, "number", ""),
            version=row.version,
        )


def change(row: VersionedRow, **values: Any) -> dict[str, list[Any]]:
    """Set columns and save as the next version; return what differed as {column: [before, after]}.

    Foreign keys are given as ids under their column name (`team_id`). Nothing is saved when nothing differs.
    """
    changed: dict[str, list[Any]] = {}
    for name, value in values.items():
        before = getattr(row, name)
        if before != value:
            changed[name] = [plain(before), plain(value)]
            setattr(row, name, value)
    if changed:
        row.version += 1
        row.save()
    return changed


def actor_names(refs: Iterable[str]) -> dict[str, str]:
    """Who is behind each `person:3` or `edge:2`, by name; others (`system`, `public`) stay as they are."""
    wanted = set(refs)
    names = {ref: ref for ref in wanted}
    kinds: tuple[tuple[str, Any], ...] = (("person", PersonRow), ("edge", EdgeRow))
    for kind, model in kinds:
        ids = [int(ref.split(":")[1]) for ref in wanted if ref.startswith(f"{kind}:")]
        for row in model.select(model.id, model.name).where(model.id.in_(ids)) if ids else ():
            names[f"{kind}:{row.id}"] = row.name
    return names


def plain(value: Any) -> Any:
    """A value as the journal keeps it: dates and decimals as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def ref(row: Any) -> Ref | None:
    """A row as a reference; None for none."""
    return None if row is None else Ref(id=row.id, name=row.name, number=getattr(row, "number", ""))
