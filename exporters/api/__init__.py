"""HTTP API for reading the numbers."""
