"""Kafka: what its clients are started with, and the topics that Wayfold has there."""
