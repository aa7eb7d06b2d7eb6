"""Event sets for tests: rich in ties, window edges and odd cases; from a seed, or drawn and shrunk."""
