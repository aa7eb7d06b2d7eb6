"""From cells and histories to the numbers and lists that readers ask for."""
