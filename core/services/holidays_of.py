"""Public holidays and make-up working days of a country, from the `holidays` library; own exceptions lie elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache


@dataclass(frozen=True, slots=True)
class OddDay:
    """A day that is not like its weekday. `worked`: a weekend day that is worked to make up for a holiday."""

    on: date
    worked: bool
    name: str


@cache
def known(country: str) -> bool:
    """Whether there is a country, or one of its states (`DE-BY`), of that ISO 3166 code."""
    import holidays  # half a hundred milliseconds that a hub without calendars need not spend

    code, _, state = country.partition("-")
    supported = holidays.list_supported_countries()
    return code in supported and (not state or state in supported[code])


def days(country: str, years: Iterable[int]) -> list[OddDay]:
    """Holidays and make-up days of those years, in order; none for years that nothing is known of yet."""
    return list(_days(country, tuple(sorted(years))))


@cache
def _days(country: str, years: tuple[int, ...]) -> tuple[OddDay, ...]:
    import holidays

    code, _, state = country.partition("-")
    found = holidays.country_holidays(code, subdiv=state or None, years=years)
    off = [OddDay(on, False, name) for on, name in found.items()]
    made_up = [OddDay(on, True, "") for on in getattr(found, "weekend_workdays", ()) if on.year in years]
    return tuple(sorted(off + made_up, key=lambda day: day.on))
