"""Writes tickets as a CSV file that spreadsheets open rightly: with a byte-order mark, and no cell a formula."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence

from core.errors import OutsideError
from core.wire.tickets import TicketRowView
from desktop import times
from desktop.hub_client import HubClient
from desktop.pages.ticket_columns import ticket_columns

TOGETHER = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EXACT: dict[str, Callable[[TicketRowView], str]] = {
    "resolve_due_at": lambda r: times.exact(r.resolve_due_at),
    "reported_at": lambda r: times.exact(r.reported_at),
    "updated_at": lambda r: times.exact(r.updated_at),
    "title": lambda r: r.title,
}


def harmless(cell: str) -> str:
    """A cell that a spreadsheet will not run."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def export_csv(hub: HubClient, ids: Sequence[int], file: str) -> int:
    """Fetch these tickets and write all their columns to `file`; gives how many. OutsideError `file.cannot_write`."""
    columns = ticket_columns()
    count = 0
    try:
        with open(file, "w", newline="", encoding="utf-8-sig") as out:
            table = csv.writer(out)
            table.writerow([made.title for made in columns])
            for start in range(0, len(ids), TOGETHER):
                for row in hub.ticket_rows(ids[start : start + TOGETHER]):
                    table.writerow([harmless(_cell(made.key, made.text(row), row)) for made in columns])
                    count += 1
    except OSError as error:
        raise OutsideError(
            "file.cannot_write", str(error), file=file, reason=error.strerror or error
        ) from error
    return count


def _cell(key: str, shown: str, row: TicketRowView) -> str:
    return _EXACT[key](row) if key in _EXACT else shown
