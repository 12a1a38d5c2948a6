"""The phone's pages: report a fault by its label, follow it. No log-in, and no cookie but the language."""

from core.hub.phone.doors import router
from core.hub.phone.pages import is_page, problem_page

__all__ = ["is_page", "problem_page", "router"]
