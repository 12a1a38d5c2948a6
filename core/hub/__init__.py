"""Doors: decode, authorise, call one service, encode."""
