"""Metrics for Prometheus: the numbers of journeys that belong there, and what the engine measures."""
