"""The numbers in Redis: pushed by the workers, read by anyone with one HGETALL."""
