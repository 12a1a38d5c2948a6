"""Which tickets a rule or a policy is for: by kind, priority, machine and place. What is empty covers all. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """`categories`: of assets. `location_ids` names every place below the one that was chosen, too."""

    types: frozenset[str] = frozenset()
    priorities: frozenset[int] = frozenset()
    categories: frozenset[str] = frozenset()
    location_ids: frozenset[int] = frozenset()

    def covers(self, type_: str, priority: int, category: str, location_id: int | None) -> bool:
        """Whether a ticket like this is one of them."""
        return (
            (not self.types or type_ in self.types)
            and (not self.priorities or priority in self.priorities)
            and (not self.categories or category in self.categories)
            and (not self.location_ids or location_id in self.location_ids)
        )


ANY = Match()
