"""The phone's pages: report a fault by its label, follow it. No log-in, and no cookie but the language."""

from core.hub.phone.doors import MOST_AT_ONCE, router
from core.hub.phone.pages import is_page, problem_page

__all__ = ["MOST_AT_ONCE", "is_page", "problem_page", "router"]
