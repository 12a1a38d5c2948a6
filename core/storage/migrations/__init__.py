"""Numbered steps from an older database to this version's; each frozen, none imports the live tables."""
