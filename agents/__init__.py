"""Where events come in and batches are folded: Kafka workers, the embedded host, file replay."""
