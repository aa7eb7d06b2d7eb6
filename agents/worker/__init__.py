"""The cluster host: Faust hands whole record batches of Kafka to the fold."""
