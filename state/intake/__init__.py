"""Which records are folded."""
