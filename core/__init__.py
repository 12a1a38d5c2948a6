"""The ground floor and the hub: nothing in this package imports the console or the edge."""

__version__ = "0.1.0"
