"""Events over HTTP into a log: the embedded host's own, or Kafka."""
