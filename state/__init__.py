"""Histories, their difference, the partition store, and the numbers read from it."""
