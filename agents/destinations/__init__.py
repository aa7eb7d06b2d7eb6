"""Where replay and simulate send events to: a Wayfold over HTTP, Kafka, or a file."""
