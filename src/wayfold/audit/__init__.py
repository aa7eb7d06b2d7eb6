"""The self-audit: a naive second program that recomputes every number from the events themselves."""
