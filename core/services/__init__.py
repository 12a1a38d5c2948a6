"""Verbs: one use case is one function, one transaction and at least one journal row."""
