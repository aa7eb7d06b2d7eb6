"""Numbers and settings in the terminal."""
