"""The web page: what serves it (Python), what it is made of (page/), and what was built (static/)."""
