"""What services need of the query language beyond rows: functions, joins, and the error of a broken unique key."""

from peewee import JOIN, SQL, Case, IntegrityError, fn

__all__ = ["JOIN", "SQL", "Case", "IntegrityError", "fn"]
