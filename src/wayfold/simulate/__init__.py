"""Believable traffic: several journeys with branches, channels, failures, late and repeated events."""
