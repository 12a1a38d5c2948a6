"""Reusable pieces of screen without knowledge of any page."""
