"""The embedded host: one process with a durable log of its own, the fold, the store and HTTP ingest."""
