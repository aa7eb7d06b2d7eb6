"""Wayfold: exact, always fresh numbers from the events of customer journeys."""

__version__ = "0.1.0"
