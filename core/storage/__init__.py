"""Rows and queries: the only room that imports peewee."""
